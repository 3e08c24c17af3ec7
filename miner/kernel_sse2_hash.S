/* kernel_sse2_hash: four lanes, one vector; what AVX2 does in two operands instead of three.
 *
 * The majority of a, b and c is ((a ^ b) & (b ^ c)) ^ b, whose b ^ c is a ^ b of the round before:
 * xmm8 and xmm9 take turns. Temporaries are xmm10-15.
 */
#define HASH           kernel_sse2_hash
#define SCHEDULE       kernel_sse2_schedule
#define STREAMS        1
#define LANES_BYTES    16
#define CONSTANT_BYTES 16

#define PASTE(x, y) x##y
#define X(n)        PASTE(%xmm, n)
#define T0          10
#define T1          11
#define T2          12
#define T3          13
#define T4          14
#define T5          15
/* b ^ c of the round whose a is in register a, and a ^ b. */
#define OLD(a)      PASTE(OLD_, a)
#define NEW(a)      PASTE(NEW_, a)
#define OLD_0       8
#define OLD_1       9
#define OLD_2       8
#define OLD_3       9
#define OLD_4       8
#define OLD_5       9
#define OLD_6       8
#define OLD_7       9
#define NEW_0       9
#define NEW_1       8
#define NEW_2       9
#define NEW_3       8
#define NEW_4       9
#define NEW_5       8
#define NEW_6       9
#define NEW_7       8

/* out = x op y, for an op that does not care for the order. */
    .macro commute op, x, y, out
    .ifc \x, \out
    \op \y, \out
    .else
    copy \y, \out
    \op \x, \out
    .endif
    .endm
    .macro copy x, out
    .ifnc \x, \out
    movdqa \x, \out
    .endif
    .endm

#define ADD(x, y, out)          commute paddd, X(x), X(y), X(out);
#define XOR(x, y, out)          commute pxor, X(x), X(y), X(out);
#define AND(x, y, out)          commute pand, X(x), X(y), X(out);
#define RIGHT(n, x, out)        copy X(x), X(out); psrld $n, X(out);
#define LEFT(n, x, out)         copy X(x), X(out); pslld $n, X(out);
#define ADD_WORD(i, x)          paddd WORD_OF(0, i), X(x);
#define LOAD_WORD(i, out)       movdqa WORD_OF(0, i), X(out);
#define STORE_WORD(x, i)        movdqa X(x), WORD_OF(0, i);
#define ADD_CONSTANT(i, x, out) copy X(x), X(out); paddd CONSTANT_AT(i), X(out);
#define LOAD_CONSTANT(i, out)   movdqa CONSTANT_AT(i), X(out);
#define ADD_CHAIN(i, x, out)    LOAD_CHAIN(i, T5) ADD(T5, x, out)
#define LOAD_CHAIN(i, out)      movd CHAIN_AT(i), X(out); pshufd $0, X(out), X(out);

/* The exclusive-or of three rotations, and of two rotations and a shift; m + n = 32. */
#define ROTATE3(n1, m1, n2, m2, n3, m3, x, t0, t1, t2)                                             \
    RIGHT(n1, x, t0) LEFT(m1, x, t1) RIGHT(n2, x, t2) XOR(t0, t1, t0) LEFT(m2, x, t1)              \
    XOR(t0, t2, t0) RIGHT(n3, x, t2) XOR(t0, t1, t0) LEFT(m3, x, t1) XOR(t2, t1, t1)               \
    XOR(t0, t1, t0)
#define SIGMA(n1, m1, n2, m2, shift, x, out, t1, t2)                                               \
    RIGHT(n1, x, t1) LEFT(m1, x, t2) XOR(t1, t2, t1) RIGHT(n2, x, t2) XOR(t1, t2, t1)              \
    LEFT(m2, x, t2) RIGHT(shift, x, out) XOR(t1, t2, t1) XOR(t1, out, out)
#define SIGMA0(x) SIGMA(7, 25, 18, 14, 3, x, T0, T1, T2)
#define SIGMA1(x) SIGMA(17, 15, 19, 13, 10, x, T3, T4, T5)

#define CARRY(a, b, c) XOR(b, c, OLD(a))
#define ROUND_E(d, e, f, g, h, word, i)                                                            \
    word(i, h) XOR(f, g, T3) AND(e, T3, T3)                                                        \
    ROTATE3(6, 26, 11, 21, 25, 7, e, T0, T1, T2) XOR(g, T3, T3) ADD(T3, h, h) ADD(T0, h, h)        \
    ADD(h, d, d)
#define ROUND(a, b, c, d, e, f, g, h, word, i)                                                     \
    ROUND_E(d, e, f, g, h, word, i)                                                                \
    XOR(a, b, NEW(a)) AND(NEW(a), OLD(a), OLD(a)) XOR(b, OLD(a), OLD(a))                           \
    ROTATE3(2, 30, 13, 19, 22, 10, a, T0, T1, T2) ADD(OLD(a), h, h) ADD(T0, h, h)

#include "miner/kernel_hash.inc"
