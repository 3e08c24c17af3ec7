/* The gamma distribution of unit scale, for confidence intervals. Pure.
 *
 * Half of a chi-squared quantile with 2k degrees of freedom is the gamma quantile of shape k, from
 * which exact intervals of Poisson counts are made (Garwood, Biometrika 28, 1936).
 */
#ifndef HB_MINER_GAMMA_H
#define HB_MINER_GAMMA_H

/* ln of the gamma function of x > 0, by Stirling's series (DLMF 5.11.1). Pure: lgamma() writes to a
 * global. */
double gamma_log(double x);

/* P(shape, x), the regularised lower incomplete gamma function: the probability of at most `x`.
 * `shape` > 0, up to 10^7 or so. By the series and the continued fraction of DLMF 8.11.4, 8.9.2. */
double gamma_probability(double shape, double x);
/* The x whose probability is `p`, 0 < p < 1, to about nine digits. */
double gamma_quantile(double shape, double p);

#endif
