/* kernel_avx512_hash: sixteen lanes, two vectors at once.
 *
 * One stream of rounds waits for its own results (measured on Zen 4: 10.5 cycles a round where the
 * execution units need 8), and compilers reorder what is written alternately; so two streams, A and
 * B, are interleaved here instruction by instruction (8.9 cycles). A works in zmm0-7 with the
 * temporaries zmm16-22, B in zmm8-15 with zmm24-30: a number n means n of A and n + 8 of B.
 */
#define HASH           kernel_avx512_hash
#define SCHEDULE       kernel_avx512_schedule
#define STREAMS        2
#define LANES_BYTES    64
#define CONSTANT_BYTES 4

#define PASTE(x, y) x##y
#define A(n)        PASTE(%zmm, n)
#define B(n)        PASTE(B_, n)
#define B_0         %zmm8
#define B_1         %zmm9
#define B_2         %zmm10
#define B_3         %zmm11
#define B_4         %zmm12
#define B_5         %zmm13
#define B_6         %zmm14
#define B_7         %zmm15
#define B_16        %zmm24
#define B_17        %zmm25
#define B_18        %zmm26
#define B_19        %zmm27
#define B_20        %zmm28
#define B_21        %zmm29
#define B_22        %zmm30
#define T0          16
#define T1          17
#define T2          18
#define T3          19
#define T4          20
#define T5          21
#define T6          22

#define ADD(x, y, out) vpaddd A(x), A(y), A(out); vpaddd B(x), B(y), B(out);
#define COPY(x, out)   vmovdqa64 A(x), A(out); vmovdqa64 B(x), B(out);
#define ROTATE(n, x, out)                                                                          \
    vprord $n, A(x), A(out); vprord $n, B(x), B(out);
#define SHIFT(n, x, out)                                                                           \
    vpsrld $n, A(x), A(out); vpsrld $n, B(x), B(out);
/* Functions of three bits by their truth table; the result replaces the last argument. */
#define XOR3(x, y, z)                                                                              \
    vpternlogd $0x96, A(x), A(y), A(z); vpternlogd $0x96, B(x), B(y), B(z);
#define CHOICE(g, f, e)                                                                            \
    vpternlogd $0xca, A(g), A(f), A(e); vpternlogd $0xca, B(g), B(f), B(e);
#define MAJORITY(c, b, a)                                                                          \
    vpternlogd $0xe8, A(c), A(b), A(a); vpternlogd $0xe8, B(c), B(b), B(a);

#define ADD_WORD(i, x)                                                                             \
    vpaddd WORD_OF(0, i), A(x), A(x); vpaddd WORD_OF(1, i), B(x), B(x);
#define LOAD_WORD(i, out)                                                                          \
    vmovdqa64 WORD_OF(0, i), A(out); vmovdqa64 WORD_OF(1, i), B(out);
#define STORE_WORD(x, i)                                                                           \
    vmovdqa64 A(x), WORD_OF(0, i); vmovdqa64 B(x), WORD_OF(1, i);
#define ADD_SPREAD(at, x, out)                                                                     \
    vpaddd at{1to16}, A(x), A(out); vpaddd at{1to16}, B(x), B(out);
#define SPREAD(at, out)           vpbroadcastd at, A(out); vpbroadcastd at, B(out);
#define ADD_CONSTANT(i, x, out)   ADD_SPREAD(CONSTANT_AT(i), x, out)
#define LOAD_CONSTANT(i, out)     SPREAD(CONSTANT_AT(i), out)
#define ADD_CHAIN(i, x, out)      ADD_SPREAD(CHAIN_AT(i), x, out)
#define LOAD_CHAIN(i, out)        SPREAD(CHAIN_AT(i), out)

#define SIGMA0(x) ROTATE(7, x, T1) SHIFT(3, x, T0) ROTATE(18, x, T2) XOR3(T1, T2, T0)
#define SIGMA1(x) ROTATE(17, x, T4) SHIFT(10, x, T3) ROTATE(19, x, T5) XOR3(T4, T5, T3)

#define CARRY(a, b, c)
#define ROUND(a, b, c, d, e, f, g, h, word, i)                                                     \
    word(i, h)                                                                                     \
    ROTATE(6, e, T0) ROTATE(11, e, T1) ROTATE(25, e, T2)                                           \
    ROTATE(13, a, T3) ROTATE(2, a, T4) ROTATE(22, a, T5)                                           \
    COPY(e, T6) CHOICE(g, f, T6) XOR3(T0, T1, T2) ADD(T6, h, h)                                    \
    COPY(a, T6) MAJORITY(c, b, T6) ADD(T2, h, h) ADD(h, d, d)                                      \
    XOR3(T4, T3, T5) ADD(T5, T6, T6) ADD(T6, h, h)
#define ROUND_E(d, e, f, g, h, word, i)                                                            \
    word(i, h)                                                                                     \
    ROTATE(6, e, T0) ROTATE(11, e, T1) ROTATE(25, e, T2) COPY(e, T3) CHOICE(g, f, T3)              \
    XOR3(T0, T1, T2) ADD(T3, h, h) ADD(T2, h, h) ADD(h, d, d)

#include "miner/kernel/kernel_hash.inc"
