/* kernel_sse2_hash: four lanes, one vector.
 *
 * Instructions overwrite an operand here, so shifts are nested: that takes fewer copies. The
 * majority of a, b and c is ((a ^ b) & (b ^ c)) ^ b, whose b ^ c is a ^ b of the round before: xmm8
 * and xmm9 take turns. Temporaries are xmm10-15.
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

/* Exclusive-ors of shifts by n, n + m and n + m + k, nested, for that takes the fewest copies. */
#define RIGHT3(n, m, k, x, out)                                                                    \
    RIGHT(k, x, out) XOR(x, out, out) RIGHT(m, out, out) XOR(x, out, out) RIGHT(n, out, out)
#define LEFT3(n, m, k, x, out)                                                                     \
    LEFT(k, x, out) XOR(x, out, out) LEFT(m, out, out) XOR(x, out, out) LEFT(n, out, out)
#define LEFT2(n, m, x, out) LEFT(m, x, out) XOR(x, out, out) LEFT(n, out, out)

#define BIG0(x)   RIGHT3(2, 11, 9, x, T0) LEFT3(10, 9, 11, x, T1) XOR(T1, T0, T0)
#define BIG1(x)   RIGHT3(6, 5, 14, x, T0) LEFT3(7, 14, 5, x, T1) XOR(T1, T0, T0)
#define SIGMA0(x) LEFT2(14, 11, x, T1) RIGHT3(3, 4, 11, x, T0) XOR(T1, T0, T0)
#define SIGMA1(x) LEFT2(13, 2, x, T4) RIGHT3(10, 7, 2, x, T3) XOR(T4, T3, T3)

#define CARRY(a, b, c) XOR(b, c, OLD(a))
#define ROUND_E(d, e, f, g, h, word, i)                                                            \
    word(i, h) XOR(f, g, T3) AND(e, T3, T3)                                                        \
    BIG1(e) XOR(g, T3, T3) ADD(T3, h, h) ADD(T0, h, h) ADD(h, d, d)
#define ROUND(a, b, c, d, e, f, g, h, word, i)                                                     \
    ROUND_E(d, e, f, g, h, word, i)                                                                \
    XOR(a, b, NEW(a)) AND(NEW(a), OLD(a), OLD(a)) XOR(b, OLD(a), OLD(a))                           \
    BIG0(a) ADD(OLD(a), h, h) ADD(T0, h, h)

#include "miner/kernel/kernel_hash.inc"
