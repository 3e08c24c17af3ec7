/* Two vectors of sixteen nonces through both hashes, in AVX-512. See kernel_avx512.h.
 *
 * One stream of rounds waits for its own results (some 7 cycles a round where 5.5 would do, on
 * Zen 4 and alike), and compilers reorder what is written alternately; so two streams, A and B, are
 * interleaved here instruction by instruction. A works in zmm0-7 with the temporaries zmm16-23, B
 * in zmm8-15 with zmm24-31: a name stands for the register n of A and n + 8 of B.
 */
#define PASTE_(x, y) x##y
#define A(n)         PASTE_(%zmm, n)
#define B(n)         PASTE_(OF_B_, n)
#define OF_B_0       %zmm8
#define OF_B_1       %zmm9
#define OF_B_2       %zmm10
#define OF_B_3       %zmm11
#define OF_B_4       %zmm12
#define OF_B_5       %zmm13
#define OF_B_6       %zmm14
#define OF_B_7       %zmm15
#define OF_B_16      %zmm24
#define OF_B_17      %zmm25
#define OF_B_18      %zmm26
#define OF_B_19      %zmm27
#define OF_B_20      %zmm28
#define OF_B_21      %zmm29
#define OF_B_22      %zmm30
#define OF_B_23      %zmm31
#define T0           16
#define T1           17
#define T2           18
#define T3           19
#define T4           20
#define T5           21

/* Arguments: struct avx512_pair in rdi, moved on so that offsets are short; struct sha256d_chain in
 * rsi. In rdx, the constants of the pair. */
#define WK_A(i)        64 * (i - 16 - 64)(%rdi)
#define WK_B(i)        64 * (i - 16 - 16)(%rdi)
#define RING_A(i)      64 * (32 + ((i) & 15))(%rdi)
#define RING_B(i)      64 * (48 + ((i) & 15))(%rdi)
#define W3_A           64 * 64(%rdi)
#define W3_B           64 * 65(%rdi)
#define TOP_A          64 * 66(%rdi)
#define TOP_B          64 * 67(%rdi)
#define FIRST_K(i)     4 * (i)(%rdx)
#define SECOND_K(i)    4 * (16 + (i))(%rdx)
#define IV(i)          4 * (80 + (i))(%rdx)
#define ROUND0_E       4 * 88(%rdx)
#define ROUND0_A       4 * 89(%rdx)
#define ONE_BIT        4 * 90(%rdx)
#define BITS_256       4 * 91(%rdx)
#define SIGMA0_ONE     4 * 92(%rdx)
#define SIGMA0_256     4 * 93(%rdx)
#define SIGMA1_256     4 * 94(%rdx)
#define MIDSTATE(i)    4 * (i)(%rsi)
#define ROUND3(i)      4 * (8 + (i))(%rsi)
#define CHAIN_EARLY(i) 4 * (16 + i - 4)(%rsi)

/* Operations on both streams; sources first, as the assembler has it. */
#define ADD(x, y, out)         vpaddd A(x), A(y), A(out); vpaddd B(x), B(y), B(out);
#define ADD_WORD(word, y, out) vpaddd word{1to16}, A(y), A(out); vpaddd word{1to16}, B(y), B(out);
#define ADD_BOTH(a, b, y, out) vpaddd a, A(y), A(out); vpaddd b, B(y), B(out);
#define SPREAD(word, out)      vpbroadcastd word, A(out); vpbroadcastd word, B(out);
#define COPY(x, out)           vmovdqa64 A(x), A(out); vmovdqa64 B(x), B(out);
#define LOAD(a, b, out)        vmovdqa64 a, A(out); vmovdqa64 b, B(out);
#define STORE(x, a, b)         vmovdqa64 A(x), a; vmovdqa64 B(x), b;
#define ROTATE(n, x, out)      vprord $n, A(x), A(out); vprord $n, B(x), B(out);
#define SHIFT(n, x, out)       vpsrld $n, A(x), A(out); vpsrld $n, B(x), B(out);
#define XOR3(x, y, out)        vpternlogd $0x96, A(x), A(y), A(out); vpternlogd $0x96, B(x), B(y), B(out);
#define CHOICE(g, f, e)        vpternlogd $0xca, A(g), A(f), A(e); vpternlogd $0xca, B(g), B(f), B(e);
#define MAJORITY(c, b, a)      vpternlogd $0xe8, A(c), A(b), A(a); vpternlogd $0xe8, B(c), B(b), B(a);

/* A round renames instead of moving: the new e is left in d, the new a in h. `word(i, h)` adds
 * W + K of round i to h, or puts the sum there. */
#define ROUND(a, b, c, d, e, f, g, h, word, i)                                                     \
    word(i, h)                                                                                     \
    ROTATE(6, e, T0) ROTATE(11, e, T1) ROTATE(25, e, T2) COPY(e, T3) CHOICE(g, f, T3)              \
    ROTATE(2, a, T4) XOR3(T0, T1, T2) ADD(T3, h, h) ROTATE(13, a, T5) COPY(a, T3)                  \
    MAJORITY(c, b, T3) ADD(T2, h, h) ROTATE(22, a, T0) ADD(h, d, d) XOR3(T4, T5, T0)               \
    ADD(T0, T3, T3) ADD(T3, h, h)

/* One of the last rounds, whose new a is not needed. */
#define ROUND_E(d, e, f, g, h, word, i)                                                            \
    word(i, h)                                                                                     \
    ROTATE(6, e, T0) ROTATE(11, e, T1) ROTATE(25, e, T2) COPY(e, T3) CHOICE(g, f, T3)              \
    XOR3(T0, T1, T2) ADD(T3, h, h) ADD(T2, h, h) ADD(h, d, d)

#define ROUNDS4(word, i)                                                                           \
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, word, i) ROUND(7, 0, 1, 2, 3, 4, 5, 6, word, i + 1)              \
    ROUND(6, 7, 0, 1, 2, 3, 4, 5, word, i + 2) ROUND(5, 6, 7, 0, 1, 2, 3, 4, word, i + 3)

/* The same with the roles that the registers have after four rounds. */
#define ROUNDS4_ODD(word, i)                                                                       \
    ROUND(4, 5, 6, 7, 0, 1, 2, 3, word, i) ROUND(3, 4, 5, 6, 7, 0, 1, 2, word, i + 1)              \
    ROUND(2, 3, 4, 5, 6, 7, 0, 1, word, i + 2) ROUND(1, 2, 3, 4, 5, 6, 7, 0, word, i + 3)

#define ROUNDS8(word, i) ROUNDS4(word, i) ROUNDS4_ODD(word, i + 4)

/* Words of the first hash. */
#define EARLY(i, h)  SPREAD(CHAIN_EARLY(i), h) /* h is the same in all lanes and in it already */
#define PADDED(i, h) ADD_WORD(FIRST_K(i), h, h)
#define SHARED(i, h) ADD_BOTH(WK_A(i), WK_B(i), h, h)

/* Words of the second hash: the ring holds W, for the schedule needs it without K. */
#define CONSTANT(i, h) ADD_WORD(SECOND_K(i), h, h)
#define DIGEST(i, h)   ADD_BOTH(RING_A(i), RING_B(i), h, h) CONSTANT(i, h)
/* Word i as far as rounds 1 to 3 are concerned, whose h is a constant within SECOND_K. */
#define DIGEST_H(i, h) LOAD(RING_A(i), RING_B(i), h) CONSTANT(i, h)

#define SMALL0(i)                                                                                  \
    LOAD(RING_A(i), RING_B(i), T0)                                                                 \
    ROTATE(7, T0, T1) ROTATE(18, T0, T2) SHIFT(3, T0, T0) XOR3(T1, T2, T0)
#define SMALL1(i)                                                                                  \
    LOAD(RING_A(i), RING_B(i), T3)                                                                 \
    ROTATE(17, T3, T4) ROTATE(19, T3, T5) SHIFT(10, T3, T3) XOR3(T4, T5, T3)
#define ADD_RING(i, out) ADD_BOTH(RING_A(i), RING_B(i), out, out)
/* The new word, in T0, to its place and into the round. */
#define KEEP(i, h) STORE(T0, RING_A(i), RING_B(i)) ADD(T0, h, h) CONSTANT(i, h)

#define WORD16(i, h) SMALL0(1) ADD_RING(0, T0) KEEP(16, h)
#define WORD17(i, h) SMALL0(2) ADD_RING(1, T0) ADD_WORD(SIGMA1_256, T0, T0) KEEP(17, h)
/* 18 to 21: W[i-7] is zero. */
#define WORD18(i, h) SMALL0(i - 15) SMALL1(i - 2) ADD_RING(i - 16, T0) ADD(T3, T0, T0) KEEP(i, h)
#define WORD22(i, h)                                                                               \
    SMALL0(7) SMALL1(20) ADD_RING(6, T0) ADD_WORD(BITS_256, T3, T3) ADD(T3, T0, T0) KEEP(22, h)
#define WORD23(i, h)                                                                               \
    SMALL1(21) LOAD(RING_A(7), RING_B(7), T0) ADD_RING(16, T3) ADD_WORD(SIGMA0_ONE, T0, T0)        \
    ADD(T3, T0, T0) KEEP(23, h)
#define WORD24(i, h)                                                                               \
    SMALL1(22) LOAD(RING_A(17), RING_B(17), T0) ADD_WORD(ONE_BIT, T0, T0) ADD(T3, T0, T0)          \
    KEEP(24, h)
/* 25 to 29: only W[i-2] and W[i-7] are not zero. */
#define WORD25(i, h) SMALL1(i - 2) LOAD(RING_A(i - 7), RING_B(i - 7), T0) ADD(T3, T0, T0) KEEP(i, h)
#define WORD30(i, h)                                                                               \
    SMALL1(28) LOAD(RING_A(23), RING_B(23), T0) ADD_WORD(SIGMA0_256, T0, T0) ADD(T3, T0, T0)       \
    KEEP(30, h)
#define WORD31(i, h)                                                                               \
    SMALL0(16) SMALL1(29) ADD_WORD(BITS_256, T0, T0) ADD_RING(24, T3) ADD(T3, T0, T0) KEEP(31, h)
#define WORD(i, h)                                                                                 \
    SMALL0(i - 15) SMALL1(i - 2) ADD_RING(i - 16, T0) ADD_RING(i - 7, T3) ADD(T3, T0, T0) KEEP(i, h)

    .text
    .globl  kernel_avx512_pair
    .type   kernel_avx512_pair, @function
    .p2align 6
kernel_avx512_pair:
    add     $64 * 64, %rdi
    lea     64 * 68(%rdi), %rdx

    /* Working variables after round 3, in the roles of the odd rounds. */
    LOAD(W3_A, W3_B, 4)
    ADD_WORD(ROUND3(4), 4, 0)
    ADD_WORD(ROUND3(0), 4, 4)
    SPREAD(ROUND3(5), 1)
    SPREAD(ROUND3(6), 2)
    SPREAD(ROUND3(1), 5)
    SPREAD(ROUND3(2), 6)
    SPREAD(ROUND3(3), 7)
    ROUND(4, 5, 6, 7, 0, 1, 2, 3, EARLY, 4)
    ROUND(3, 4, 5, 6, 7, 0, 1, 2, EARLY, 5)
    ROUND(2, 3, 4, 5, 6, 7, 0, 1, EARLY, 6)
    ROUND(1, 2, 3, 4, 5, 6, 7, 0, PADDED, 7)
    ROUNDS8(PADDED, 8)
    ROUNDS8(SHARED, 16)
    ROUNDS8(SHARED, 24)
    ROUNDS8(SHARED, 32)
    ROUNDS8(SHARED, 40)
    ROUNDS8(SHARED, 48)
    ROUNDS8(SHARED, 56)

    /* The digest is the first half of the second hash's block. */
#define FINISH(i) ADD_WORD(MIDSTATE(i), i, i) STORE(i, RING_A(i), RING_B(i))
    FINISH(0)
    FINISH(1)
    FINISH(2)
    FINISH(3)
    FINISH(4)
    FINISH(5)
    FINISH(6)
    FINISH(7)

    /* Round 0 adds W0 to constants. */
    ADD_WORD(ROUND0_E, 0, 3)
    ADD_WORD(ROUND0_A, 0, 7)
    SPREAD(IV(0), 0)
    SPREAD(IV(1), 1)
    SPREAD(IV(2), 2)
    SPREAD(IV(4), 4)
    SPREAD(IV(5), 5)
    ROUND(7, 0, 1, 2, 3, 4, 5, 6, DIGEST_H, 1)
    ROUND(6, 7, 0, 1, 2, 3, 4, 5, DIGEST_H, 2)
    ROUND(5, 6, 7, 0, 1, 2, 3, 4, DIGEST_H, 3)
    ROUNDS4_ODD(DIGEST, 4)
    ROUNDS8(CONSTANT, 8)
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, WORD16, 16)
    ROUND(7, 0, 1, 2, 3, 4, 5, 6, WORD17, 17)
    ROUND(6, 7, 0, 1, 2, 3, 4, 5, WORD18, 18)
    ROUND(5, 6, 7, 0, 1, 2, 3, 4, WORD18, 19)
    ROUND(4, 5, 6, 7, 0, 1, 2, 3, WORD18, 20)
    ROUND(3, 4, 5, 6, 7, 0, 1, 2, WORD18, 21)
    ROUND(2, 3, 4, 5, 6, 7, 0, 1, WORD22, 22)
    ROUND(1, 2, 3, 4, 5, 6, 7, 0, WORD23, 23)
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, WORD24, 24)
    ROUND(7, 0, 1, 2, 3, 4, 5, 6, WORD25, 25)
    ROUND(6, 7, 0, 1, 2, 3, 4, 5, WORD25, 26)
    ROUND(5, 6, 7, 0, 1, 2, 3, 4, WORD25, 27)
    ROUND(4, 5, 6, 7, 0, 1, 2, 3, WORD25, 28)
    ROUND(3, 4, 5, 6, 7, 0, 1, 2, WORD25, 29)
    ROUND(2, 3, 4, 5, 6, 7, 0, 1, WORD30, 30)
    ROUND(1, 2, 3, 4, 5, 6, 7, 0, WORD31, 31)
    ROUNDS8(WORD, 32)
    ROUNDS8(WORD, 40)
    ROUNDS8(WORD, 48)
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, WORD, 56)
    ROUND_E(2, 3, 4, 5, 6, WORD, 57)
    ROUND_E(1, 2, 3, 4, 5, WORD, 58)
    ROUND_E(0, 1, 2, 3, 4, WORD, 59)
    ROUND_E(7, 0, 1, 2, 3, WORD, 60)

    /* What is e in round 60 is h in the end; the last constant holds the initial value as well. */
    STORE(7, TOP_A, TOP_B)
    ret
    .size   kernel_avx512_pair, . - kernel_avx512_pair

    .section .note.GNU-stack, "", @progbits
