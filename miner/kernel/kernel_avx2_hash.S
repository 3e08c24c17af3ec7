/* kernel_avx2_hash: eight lanes, one vector.
 *
 * Rotations are two shifts here, so there is work enough to wait with, and registers for one
 * stream only: ymm0-7 and the temporaries ymm10-15. The majority of a, b and c is
 * ((a ^ b) & (b ^ c)) ^ b, whose b ^ c is a ^ b of the round before: ymm8 and ymm9 take turns.
 */
#define HASH           kernel_avx2_hash
#define SCHEDULE       kernel_avx2_schedule
#define STREAMS        1
#define LANES_BYTES    32
#define CONSTANT_BYTES 32

#define PASTE(x, y) x##y
#define Y(n)        PASTE(%ymm, n)
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

#define ADD(x, y, out)          vpaddd Y(x), Y(y), Y(out);
#define XOR(x, y, out)          vpxor Y(x), Y(y), Y(out);
#define AND(x, y, out)          vpand Y(x), Y(y), Y(out);
#define RIGHT(n, x, out)        vpsrld $n, Y(x), Y(out);
#define LEFT(n, x, out)         vpslld $n, Y(x), Y(out);
#define ADD_WORD(i, x)          vpaddd WORD_OF(0, i), Y(x), Y(x);
#define LOAD_WORD(i, out)       vmovdqa WORD_OF(0, i), Y(out);
#define STORE_WORD(x, i)        vmovdqa Y(x), WORD_OF(0, i);
#define ADD_CONSTANT(i, x, out) vpaddd CONSTANT_AT(i), Y(x), Y(out);
#define LOAD_CONSTANT(i, out)   vmovdqa CONSTANT_AT(i), Y(out);
#define ADD_CHAIN(i, x, out)    LOAD_CHAIN(i, T5) ADD(T5, x, out)
#define LOAD_CHAIN(i, out)      vpbroadcastd CHAIN_AT(i), Y(out);

/* The exclusive-or of three rotations, and of two rotations and a shift; m + n = 32. */
#define ROTATE3(n1, m1, n2, m2, n3, m3, x, t0, t1, t2)                                             \
    RIGHT(n1, x, t0) LEFT(m1, x, t1) RIGHT(n2, x, t2) XOR(t0, t1, t0) LEFT(m2, x, t1)              \
    XOR(t0, t2, t0) RIGHT(n3, x, t2) XOR(t0, t1, t0) LEFT(m3, x, t1) XOR(t2, t1, t1)               \
    XOR(t0, t1, t0)
#define SIGMA(n1, m1, n2, m2, shift, x, out, t1, t2)                                               \
    RIGHT(n1, x, t1) RIGHT(shift, x, out) XOR(t1, out, out) LEFT(m1, x, t1) XOR(t1, out, out)      \
    RIGHT(n2, x, t1) LEFT(m2, x, t2) XOR(t1, t2, t2) XOR(t2, out, out)
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

#include "miner/kernel/kernel_hash.inc"
