#include "miner/figures/gamma.h"

#include <float.h>
#include <math.h>

enum { TERMS_MAX = 100000, STEPS_MAX = 200 };

double gamma_log(double x)
{
    double shift = 0;
    while (x < 15) {
        shift += log(x);
        x += 1;
    }
    const double y = 1 / (x * x);
    const double series = (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y / 1680))) / x;
    return (x - 0.5) * log(x) - x + 0.91893853320467274178 + series - shift; /* ln sqrt(2 pi) */
}

/* x^a e^-x / Gamma(a) */
static double front(double a, double x)
{
    return exp(a * log(x) - x - gamma_log(a));
}

static double lower_series(double a, double x)
{
    double term = 1 / a;
    double sum = term;
    for (int n = 1; n < TERMS_MAX && term > sum * DBL_EPSILON; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return sum * front(a, x);
}

/* The upper part, by Lentz's way of evaluating the continued fraction. */
static double upper_fraction(double a, double x)
{
    const double tiny = 1e-300;
    double b = x + 1 - a;
    double c = 1 / tiny;
    double d = 1 / b;
    double h = d;
    for (int n = 1; n < TERMS_MAX; n++) {
        const double an = n * (a - n);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + an / c;
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON) {
            break;
        }
    }
    return h * front(a, x);
}

double gamma_probability(double shape, double x)
{
    if (!(x > 0)) {
        return 0;
    }
    return x < shape + 1 ? lower_series(shape, x) : 1 - upper_fraction(shape, x);
}

double gamma_quantile(double shape, double p)
{
    double low = 0;
    double high = shape + 1;
    while (gamma_probability(shape, high) < p) {
        low = high;
        high *= 2;
    }
    /* Newton's steps, halving where one would leave the bracket. */
    double x = (low + high) / 2;
    for (int i = 0; i < STEPS_MAX; i++) {
        const double error = gamma_probability(shape, x) - p;
        const double step = error * x / front(shape, x);
        if (fabs(step) <= 1e-12 * x) {
            break;
        }
        low = error < 0 ? x : low;
        high = error < 0 ? high : x;
        x = x - step > low && x - step < high ? x - step : (low + high) / 2;
    }
    return x;
}
