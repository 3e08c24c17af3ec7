#include "miner/heat/calibration.h"

#include <math.h>
#include <string.h>

enum { IDLE = CALIBRATION_IDLE, SWING, BULGE, TERMS };
enum { STRAYS_BELIEVED = 3 };

/* Relative to the assumed swing: what is not known at first, what may change in a second (standard
 * deviations), and how noisy a reading is. */
static const double unknown[TERMS] = {0.5, 0.5, 0.1};
static const double drift_per_s[TERMS] = {0.005, 0.0005, 0.0002};
#define NOISE_OF_SWING  0.01
#define NOISE_OF_POWER  0.005
#define STRAY_SIGMAS    3.0
#define LONGEST_DRIFT_S 3600.0
/* Plausible: watts per hash within a factor of the assumption, power rising with load. */
#define SWING_LEAST 0.05
#define SWING_MOST  20.0
#define BULGE_MOST  0.2
#define POWER_MOST  50.0

/* --- small algebra ------------------------------------------------------------------------------
 */

static void weights(double load, double phi[TERMS])
{
    phi[IDLE] = 1;
    phi[SWING] = load;
    phi[BULGE] = 4 * load * (1 - load);
}

static double dot(const double a[TERMS], const double b[TERMS])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* cov * phi */
static void spread(const struct calibration *c, const double phi[TERMS], double out[TERMS])
{
    for (int i = 0; i < TERMS; i++) {
        out[i] = dot(c->cov[i], phi);
    }
}

/* --- plausibility -------------------------------------------------------------------------------
 */

static void keep_plausible(struct calibration *c)
{
    double *w = c->w;
    w[IDLE] = fmax(w[IDLE], 0);
    w[SWING] = fmax(fmin(w[SWING], SWING_MOST * c->scale_w), SWING_LEAST * c->scale_w);
    w[BULGE] = fmax(fmin(w[BULGE], BULGE_MOST * w[SWING]), -BULGE_MOST * w[SWING]);
}

/* Nothing gets less certain than it was when nothing was known. */
static void limit_doubt(struct calibration *c)
{
    for (int i = 0; i < TERMS; i++) {
        const double most = c->prior_w[i] * c->prior_w[i];
        if (c->cov[i][i] > most) {
            const double shrink = sqrt(most / c->cov[i][i]);
            for (int j = 0; j < TERMS; j++) {
                c->cov[i][j] *= shrink;
                c->cov[j][i] *= shrink;
            }
        }
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void know_nothing(struct calibration *c)
{
    memset(c->cov, 0, sizeof c->cov);
    for (int i = 0; i < TERMS; i++) {
        c->prior_w[i] = unknown[i] * c->scale_w;
        c->cov[i][i] = c->prior_w[i] * c->prior_w[i];
    }
    c->others_var = c->cov[IDLE][IDLE];
}

void calibration_init(struct calibration *c, double idle_w, double full_w)
{
    memset(c, 0, sizeof *c);
    c->w[IDLE] = idle_w;
    c->w[SWING] = full_w - idle_w;
    c->scale_w = full_w - idle_w;
    know_nothing(c);
}

bool calibration_restore(struct calibration *c, const struct calibration_values *v)
{
    for (int i = 0; i < TERMS; i++) {
        if (!isfinite(v->w[i]) || !(v->sd_w[i] >= 0)) {
            return false;
        }
    }
    struct calibration tried = *c;
    memcpy(tried.w, v->w, sizeof tried.w);
    keep_plausible(&tried);
    for (int i = 0; i < TERMS; i++) {
        if (tried.w[i] != v->w[i]) {
            return false;
        }
        tried.cov[i][i] = fmin(v->sd_w[i], tried.prior_w[i]) * fmin(v->sd_w[i], tried.prior_w[i]);
    }
    *c = tried;
    return true;
}

void calibration_get(const struct calibration *c, struct calibration_values *v)
{
    for (int i = 0; i < TERMS; i++) {
        v->w[i] = c->w[i];
        v->sd_w[i] = sqrt(c->cov[i][i]);
    }
}

/* --- learning -----------------------------------------------------------------------------------
 */

static void drift(struct calibration *c, hb_mono now)
{
    const double elapsed_s =
        mono_is_set(c->last) ? fmin((double)mono_age_ms(now, c->last) / 1000, LONGEST_DRIFT_S) : 0;
    c->last = now;
    for (int i = 0; i < TERMS; i++) {
        const double step_w = drift_per_s[i] * c->scale_w;
        c->cov[i][i] += step_w * step_w * elapsed_s;
        c->others_var += i == IDLE ? step_w * step_w * elapsed_s : 0;
    }
    c->others_var = fmin(c->others_var, c->prior_w[IDLE] * c->prior_w[IDLE]);
    limit_doubt(c);
}

/* Cuts a surprise back to what is credible, until several in a row insist: then something beside
 * the hashing draws another power. */
static double credible(struct calibration *c, double surprise_w, double variance)
{
    const double most_w = STRAY_SIGMAS * sqrt(variance);
    if (fabs(surprise_w) <= most_w) {
        c->strays = 0;
        return surprise_w;
    }
    const int32_t side = surprise_w > 0 ? 1 : -1;
    c->strays = c->strays * side > 0 ? c->strays + side : side;
    if (c->strays * side < STRAYS_BELIEVED) {
        return side * most_w;
    }
    c->strays = 0;
    c->cov[IDLE][IDLE] += surprise_w * surprise_w;
    c->others_var += surprise_w * surprise_w;
    return surprise_w;
}

/* Joseph's form, which holds for any gain: (1 - gain phi') cov (1 - gain phi')' + gain noise gain'.
 */
static void shrink_doubt(struct calibration *c, const double phi[TERMS], const double gain[TERMS],
                         double noise_variance)
{
    double spread_w[TERMS];
    spread(c, phi, spread_w);
    const double variance = dot(phi, spread_w) + noise_variance;
    for (int i = 0; i < TERMS; i++) {
        for (int j = 0; j < TERMS; j++) {
            c->cov[i][j] +=
                gain[i] * gain[j] * variance - gain[i] * spread_w[j] - gain[j] * spread_w[i];
        }
    }
    for (int i = 0; i < TERMS; i++) { /* rounding must not make a variance negative */
        c->cov[i][i] = fmax(c->cov[i][i], 1e-12 * c->scale_w * c->scale_w);
    }
}

static void gain_for(const struct calibration *c, const double phi[TERMS], double noise_variance,
                     bool moved, double gain[TERMS])
{
    if (!moved) {
        memset(gain, 0, TERMS * sizeof gain[0]);
        gain[IDLE] = c->others_var / (c->others_var + noise_variance);
        return;
    }
    spread(c, phi, gain);
    const double variance = dot(phi, gain) + noise_variance;
    for (int i = 0; i < TERMS; i++) {
        gain[i] /= variance;
    }
}

static void correct(struct calibration *c, const double phi[TERMS], double surprise_w,
                    double noise_variance, bool moved)
{
    double gain[TERMS];
    gain_for(c, phi, noise_variance, moved, gain);
    for (int i = 0; i < TERMS; i++) {
        c->w[i] += gain[i] * surprise_w;
    }
    shrink_doubt(c, phi, gain, noise_variance);
    c->others_var *= moved ? 1 : 1 - gain[IDLE];
}

bool calibration_note(struct calibration *c, double load, double power_w, bool moved, hb_mono now)
{
    if (!(load >= 0 && load <= 2) || !(power_w >= 0) ||
        power_w > POWER_MOST * (c->scale_w + c->w[IDLE])) {
        return false;
    }
    double phi[TERMS];
    double spread_w[TERMS];
    weights(load, phi);
    drift(c, now);
    spread(c, phi, spread_w);
    const double noise_w = NOISE_OF_SWING * c->scale_w + NOISE_OF_POWER * power_w;
    const double doubt = moved ? dot(phi, spread_w) : c->others_var;
    const double surprise_w = credible(c, power_w - dot(phi, c->w), doubt + noise_w * noise_w);
    correct(c, phi, surprise_w, noise_w * noise_w, moved);
    keep_plausible(c);
    c->readings++;
    return true;
}

/* --- answers ------------------------------------------------------------------------------------
 */

double calibration_power_w(const struct calibration *c, double load)
{
    double phi[TERMS];
    weights(load, phi);
    return dot(phi, c->w);
}

double calibration_error_w(const struct calibration *c, double load)
{
    double phi[TERMS];
    double spread_w[TERMS];
    weights(load, phi);
    spread(c, phi, spread_w);
    return sqrt(fmax(dot(phi, spread_w), 0));
}

/* The root of idle + (swing + 4 bulge) load - 4 bulge load^2 = power that goes to the straight
 * line's as the bulge goes to 0. Beyond the top of the arch, which lies above load 1, there is no
 * root; then the top is the answer. */
double calibration_load(const struct calibration *c, double power_w)
{
    const double above_w = power_w - c->w[IDLE];
    if (!(above_w > 0)) {
        return 0;
    }
    const double slope_w = c->w[SWING] + 4 * c->w[BULGE];
    const double root = slope_w * slope_w - 16 * c->w[BULGE] * above_w;
    return root >= 0 ? 2 * above_w / (slope_w + sqrt(root)) : slope_w / (8 * c->w[BULGE]);
}
