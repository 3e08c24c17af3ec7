/* A million random events between a session and a pool that is modelled here, with hashing of its
 * own: no share arrives twice, for a job that is stale, or above its target; and none is lost. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/stratum/session.h"
#include "tests/pool/work.h"
#include "tests/support/test.h"

enum {
    EVENTS = 1000000,
    GIVEN = 64,  /* jobs that the pool remembers                 */
    ISSUED = 24, /* jobs that the miner may still find shares of */
    AGAIN = 64,  /* candidates that may be found a second time   */
    QUEUE = 256, /* lines on their way to the miner              */
    SEEN_BITS = 21,
    LINE_MAX_B = 2048,
};

/* --- chance -------------------------------------------------------------------------------------
 */

static uint64_t random_state;

static uint64_t random_u64(void)
{
    uint64_t x = random_state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    random_state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

static size_t below(size_t limit)
{
    return (size_t)((random_u64() >> 32) % limit);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

/* --- the pool -----------------------------------------------------------------------------------
 */

struct given {
    struct work_job job;
    uint8_t extranonce1[4];
    size_t extranonce2_size;
    double difficulty;
    bool valid;
};

static struct {
    struct given given[GIVEN];
    size_t given_count; /* ever */
    uint8_t extranonce1[4];
    size_t extranonce2_size;
    double difficulty;
    bool rolling, authorized;
    int64_t authorize_id;
    hb_mono authorize_at;
    uint32_t mask, ntime;
    uint8_t prevhash[32];
    uint64_t next_id;
    uint64_t *seen; /* first bytes of the hashes of all shares ever */
    uint64_t accepted;
    int64_t unanswered[64]; /* ids of requests */
    size_t unanswered_count;
} pool;

static hb_mono now;
static char queue[QUEUE][LINE_MAX_B];
static size_t queue_head, queue_tail;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    va_list args;
    assert_true(queue_tail - queue_head < QUEUE);
    va_start(args, format);
    const int len = vsnprintf(queue[queue_tail++ % QUEUE], LINE_MAX_B, format, args);
    va_end(args);
    assert_true(len > 0 && len < LINE_MAX_B);
}

static void forget_all(void)
{
    for (size_t i = 0; i < GIVEN; i++) {
        pool.given[i].valid = false;
    }
}

static void random_bytes(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)random_u64();
    }
}

static double random_difficulty(void)
{
    return 1e-9 * (1 + (double)below(2000) / 1000);
}

static void pool_gives_job(void)
{
    static const uint32_t versions[] = {0x20000000, 0x30000000, 0x20006000, 0x3fffe000, 0x20c00000};
    struct given *given = &pool.given[pool.given_count++ % GIVEN];
    const struct given *last = &pool.given[(pool.given_count + GIVEN - 2) % GIVEN];
    const bool new_block = chance(8);
    struct work_job job = {.version = versions[below(5)], .nbits = 0x207fffff};
    if (new_block) {
        random_bytes(pool.prevhash, sizeof pool.prevhash);
    }
    job.clean = chance(new_block ? 60 : 10);
    pool.ntime += (uint32_t)below(2);
    job.ntime = pool.ntime;
    memcpy(job.prevhash, pool.prevhash, sizeof job.prevhash);
    job.coinb1_len = 4 + below(40);
    job.coinb2_len = 4 + below(40);
    random_bytes(job.coinb1, job.coinb1_len);
    random_bytes(job.coinb2, job.coinb2_len);
    job.branch_count = below(4);
    random_bytes(job.branch[0], 32 * job.branch_count);
    (void)snprintf(job.id, sizeof job.id, "%" PRIx64, pool.next_id++);
    if (chance(5) && last->valid) {
        memcpy(job.id, last->job.id, sizeof job.id); /* an id used again */
    }
    for (size_t i = 0; i < GIVEN; i++) {
        if (job.clean || new_block || strcmp(pool.given[i].job.id, job.id) == 0) {
            pool.given[i].valid = false;
        }
    }
    *given = (struct given){.job = job,
                            .extranonce2_size = pool.extranonce2_size,
                            .difficulty = pool.difficulty,
                            .valid = true};
    memcpy(given->extranonce1, pool.extranonce1, sizeof given->extranonce1);
    struct json *params = work_job_params(&job);
    char *text = json_print(params);
    tell("{\"id\":null,\"method\":\"mining.notify\",\"params\":%s}", text);
    free(text);
    json_free(params);
}

static void pool_changes_extranonce(void)
{
    char text[9];
    pool.extranonce1[0] = (uint8_t)below(3); /* the same ones come back */
    pool.extranonce2_size = 1 + below(8);
    work_to_hex(pool.extranonce1, 4, text);
    tell("{\"id\":null,\"method\":\"mining.set_extranonce\",\"params\":[\"%s\",%zu]}", text,
         pool.extranonce2_size);
}

static void pool_changes_difficulty(void)
{
    pool.difficulty = random_difficulty();
    tell("{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[%.17g]}", pool.difficulty);
}

static void pool_changes_mask(void)
{
    pool.rolling = true;
    pool.mask = chance(10) ? 0 : (uint32_t)random_u64() & 0x1fffe000;
    tell("{\"id\":null,\"method\":\"mining.set_version_mask\",\"params\":[\"%08" PRIx32 "\"]}",
         pool.mask);
}

static void pool_babbles(void)
{
    static const char *const lines[] = {
        "{}",
        "{\"id\":null,\"method\":\"mining.unheard_of\",\"params\":{}}",
        "{\"id\":7,\"method\":\"client.get_version\",\"params\":[]}",
        "{\"id\":null,\"method\":\"mining.ping\",\"params\":[]}",
        "{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"hi\"]}",
        "{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"evil.example\",1,0]}",
        "{\"id\":999999999,\"result\":true,\"error\":null}",
        "{\"id\":null,\"result\":true,\"error\":null}",
        "{\"id\":1,\"result\":{\"version-rolling\":true},\"error\":null}",
    };
    tell("%s", lines[below(sizeof lines / sizeof lines[0])]);
}

/* An open-addressing table of all shares ever; true if the hash was new. */
static bool is_first(const uint8_t hash[32])
{
    uint64_t mark = 0;
    memcpy(&mark, hash, sizeof mark);
    size_t slot = (size_t)(mark & ((UINT64_C(1) << SEEN_BITS) - 1));
    while (pool.seen[slot] != 0 && pool.seen[slot] != mark) {
        slot = (slot + 1) & ((UINT64_C(1) << SEEN_BITS) - 1);
    }
    const bool first = pool.seen[slot] == 0;
    pool.seen[slot] = mark;
    return first;
}

static const struct given *find_given(const char *id)
{
    for (size_t i = 0; i < GIVEN; i++) {
        if (pool.given[i].valid && strcmp(pool.given[i].job.id, id) == 0) {
            return &pool.given[i];
        }
    }
    return NULL;
}

static uint32_t version_of(const struct json *params, const struct given *given)
{
    const uint32_t base = given->job.version;
    uint32_t bits = 0;
    assert_int_equal(json_count(params), pool.rolling ? 6 : 5);
    if (pool.rolling) {
        assert_true(work_hex32(json_string(json_item(params, 5)), &bits));
        assert_int_equal(bits & ~pool.mask, 0);
        assert_int_equal(base ^ bits, base | bits); /* servers differ in what they do */
    }
    return base ^ bits;
}

static void pool_judges(const struct json *params)
{
    const struct given *given = find_given(json_string(json_item(params, 1)));
    assert_true(pool.authorized || mono_age_ms(now, pool.authorize_at) >= 20000);
    if (given == NULL) {
        fail_msg("a share of the stale job '%s'", json_string(json_item(params, 1)));
    }
    struct pool_share share = {.extranonce1_len = 4, .extranonce2_len = given->extranonce2_size};
    memcpy(share.extranonce1, given->extranonce1, 4);
    assert_true(
        work_hex(json_string(json_item(params, 2)), share.extranonce2, share.extranonce2_len));
    assert_true(work_hex32(json_string(json_item(params, 3)), &share.ntime));
    assert_true(work_hex32(json_string(json_item(params, 4)), &share.nonce));
    assert_in_range(share.ntime, given->job.ntime, given->job.ntime + 7000);
    share.version = version_of(params, given);
    uint8_t hash[32];
    work_hash(&given->job, &share, hash);
    assert_true(work_difficulty(hash) >= given->difficulty * (1 - 1e-12));
    assert_true(is_first(hash));
    pool.accepted++;
}

static void pool_hears(const char *text)
{
    struct hb_err err = {0};
    struct json *request = json_parse(text, strlen(text), LINE_MAX_B, &err);
    const char *method = json_string(json_get(request, "method"));
    double id = 0;
    assert_non_null(request);
    if (method != NULL && json_number(json_get(request, "id"), &id)) {
        if (strcmp(method, "mining.configure") == 0) {
            pool.rolling = chance(70);
            pool.mask = pool.rolling ? 0x1fffe000 : 0;
            tell(pool.rolling ? "{\"id\":%.0f,\"result\":{\"version-rolling\":true,"
                                "\"version-rolling.mask\":\"1fffe000\"},\"error\":null}"
                              : "{\"id\":%.0f,\"result\":null,\"error\":[20,\"no\",null]}",
                 id);
        } else if (strcmp(method, "mining.subscribe") == 0) {
            char extranonce1[9];
            pool.extranonce1[0] = (uint8_t)below(3);
            pool.extranonce2_size = 1 + below(8);
            work_to_hex(pool.extranonce1, 4, extranonce1);
            tell("{\"id\":%.0f,\"result\":[[],\"%s\",%zu],\"error\":null}", id, extranonce1,
                 pool.extranonce2_size);
            pool_changes_difficulty();
            pool_gives_job();
        } else if (strcmp(method, "mining.submit") == 0) {
            pool_judges(json_get(request, "params"));
        }
        if (strcmp(method, "mining.submit") == 0 || strcmp(method, "mining.authorize") == 0) {
            if (method[7] == 'a') {
                pool.authorize_id = (int64_t)id;
                pool.authorize_at = now;
            }
            if (pool.unanswered_count < 64) {
                pool.unanswered[pool.unanswered_count++] = (int64_t)id;
            }
        }
    }
    json_free(request);
}

/* Answers one request, in any order; a share is refused now and then, whatever it was. */
static void pool_answers(void)
{
    static const char *const refusals[] = {
        "\"result\":null,\"error\":[21,\"Stale\",null]",
        "\"result\":false,\"error\":\"Duplicate\"",
        "\"error\":{\"code\":20,\"message\":\"Other\"}",
    };
    if (pool.unanswered_count == 0) {
        return;
    }
    const size_t which = chance(80) ? 0 : below(pool.unanswered_count);
    const int64_t id = pool.unanswered[which];
    memmove(&pool.unanswered[which], &pool.unanswered[which + 1],
            (--pool.unanswered_count - which) * sizeof pool.unanswered[0]);
    pool.authorized |= id == pool.authorize_id;
    const bool good = id <= 3 || chance(90); /* the first three are the dialogue's */
    tell("{\"id\":%" PRId64 ",%s}", id,
         good ? "\"result\":true,\"error\":null" : refusals[below(3)]);
}

/* --- the miner ----------------------------------------------------------------------------------
 */

struct issued {
    struct job job;
    size_t given; /* number of the job at the pool */
};

static struct session session;
static struct session_effects fx;
static struct issued issued[ISSUED];
static size_t issued_count;
static struct candidate again[AGAIN];
static size_t again_count;
static hb_wall wall;
static uint64_t found, expected, connections;

/* The pool's job with that id and coinbase; ids alone are used again. */
static size_t number_of(const struct job_notify *notify)
{
    for (size_t number = pool.given_count; number-- > 0 && pool.given_count - number <= GIVEN;) {
        const struct work_job *job = &pool.given[number % GIVEN].job;
        if (strcmp(job->id, notify->id) == 0 && job->coinb1_len == notify->coinb1_len &&
            memcmp(job->coinb1, notify->coinbase, job->coinb1_len) == 0) {
            return number;
        }
    }
    fail_msg("a job that nobody gave");
    return 0;
}

static void carry_out(void)
{
    char *line = fx.out;
    char *end = NULL;
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        pool_hears(line);
        line = end + 1;
    }
    if (fx.new_job) {
        struct issued *kept = &issued[issued_count++ % ISSUED];
        kept->job = session.job;
        kept->given = number_of(&session.job.notify);
    }
}

static void connect_anew(void)
{
    session_closed(&session);
    forget_all();
    queue_head = queue_tail;
    pool.unanswered_count = 0;
    pool.authorized = pool.rolling = false;
    connections++;
    session_opened(&session, now, &fx);
    carry_out();
}

static void deliver(void)
{
    while (queue_head < queue_tail) {
        const char *line = queue[queue_head++ % QUEUE];
        session_line(&session, line, strlen(line), now, wall, &fx);
        const bool close = fx.close;
        carry_out();
        if (close) {
            connect_anew();
        }
    }
}

/* Hashing is most of this test's work, so OpenSSL's algorithm is looked up once. */
static void sha256d(const uint8_t header[80], uint8_t hash[32])
{
    static EVP_MD_CTX *context;
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestInit_ex2(context, EVP_sha256(), NULL), 1);
    }
    const int good =
        EVP_DigestInit_ex2(context, NULL, NULL) & EVP_DigestUpdate(context, header, 80) &
        EVP_DigestFinal_ex(context, hash, NULL) & EVP_DigestInit_ex2(context, NULL, NULL) &
        EVP_DigestUpdate(context, hash, 32) & EVP_DigestFinal_ex(context, hash, NULL);
    assert_int_equal(good, 1);
}

/* A candidate of the newest job or an older one; most of them shares. */
static void find_candidate(struct candidate *candidate)
{
    const size_t age = chance(70) ? 0 : below(issued_count < ISSUED ? issued_count : ISSUED);
    const struct job *job = &issued[(issued_count - 1 - age) % ISSUED].job;
    const uint32_t mask = job_usable_mask(job->notify.version, job->version_mask);
    const bool wanted = chance(85);
    uint8_t hash[32];
    *candidate = (struct candidate){
        .serial = job->serial,
        .extranonce2 = job->extranonce.size2 < 8
                           ? random_u64() & ((UINT64_C(1) << 8 * job->extranonce.size2) - 1)
                           : random_u64(),
        .ntime = job->notify.ntime + (uint32_t)(chance(95) ? below(3) : below(8000)),
        .nonce = (uint32_t)random_u64(),
        .version_bits = (uint32_t)random_u64() & mask,
    };
    job_make_header(job, candidate->extranonce2, candidate->ntime, candidate->version_bits,
                    candidate->nonce, candidate->header);
    for (int tries = 0; tries < 64; tries++) {
        job_set_nonce(candidate->header, ++candidate->nonce);
        sha256d(candidate->header, hash);
        if (difficulty_meets(hash, job->target) == wanted) {
            return;
        }
    }
}

/* What must arrive: a share that is new, of one of the last jobs, which still stands, by the rules
 * in force, and not one too many in its second. */
static bool must_arrive(const struct candidate *candidate)
{
    for (size_t age = 0; age < SESSION_JOBS && age < issued_count; age++) {
        const struct issued *from = &issued[(issued_count - 1 - age) % ISSUED];
        if (from->job.serial != candidate->serial) {
            continue;
        }
        uint8_t hash[32];
        uint64_t mark = 0;
        const bool fresh = pool.given_count - from->given <= GIVEN &&
                           pool.given[from->given % GIVEN].valid &&
                           candidate->ntime - from->job.notify.ntime <= 7000 &&
                           (candidate->version_bits & ~pool.mask) == 0;
        sha256d(candidate->header, hash);
        if (!fresh || !difficulty_meets(hash, from->job.target)) {
            return false;
        }
        memcpy(&mark, hash, sizeof mark);
        size_t slot = (size_t)(mark & ((UINT64_C(1) << SEEN_BITS) - 1));
        while (pool.seen[slot] != 0 && pool.seen[slot] != mark) {
            slot = (slot + 1) & ((UINT64_C(1) << SEEN_BITS) - 1);
        }
        return pool.seen[slot] == 0 && session.state == SESSION_READY &&
               (mono_age_ms(now, session.book.second) >= 1000 ||
                session.book.in_second < SHARE_BOOK_PER_SECOND);
    }
    return false;
}

static void miner_finds(void)
{
    struct candidate candidate;
    deliver(); /* a share that crosses a clean job on the way is nobody's fault */
    if (issued_count == 0) {
        return;
    }
    if (again_count > 0 && chance(15)) {
        candidate = again[below(again_count < AGAIN ? again_count : AGAIN)];
    } else {
        find_candidate(&candidate);
        again[again_count++ % AGAIN] = candidate;
    }
    const bool must = must_arrive(&candidate);
    const uint64_t before = pool.accepted;
    found++;
    session_offer(&session, &candidate, now, &fx);
    carry_out();
    if (must) {
        expected++;
        assert_int_equal(pool.accepted, before + 1);
    }
}

/* --- the test -----------------------------------------------------------------------------------
 */

static void one_event(void)
{
    const size_t dice = below(1000);
    now.ms += (int64_t)below(150);
    wall.ms = (int64_t)pool.ntime * 1000;
    if (dice < 600) {
        miner_finds();
    } else if (dice < 780) {
        pool_answers();
    } else if (dice < 870) {
        deliver(); /* what makes shares stale must not overtake what makes them be sent */
        pool_gives_job();
    } else if (dice < 920) {
        pool_changes_difficulty();
    } else if (dice < 940) {
        pool_changes_extranonce();
    } else if (dice < 955) {
        deliver();
        pool_changes_mask();
    } else if (dice < 985) {
        pool_babbles();
    } else if (dice < 997) {
        deliver();
        session_tick(&session, now, &fx);
        const bool close = fx.close;
        carry_out();
        if (close) {
            connect_anew();
        }
    } else if (dice < 999) {
        connect_anew();
    } else {
        tell("%s", chance(50) ? "<html>" : "{\"method\":\"mining.set_difficulty\",\"params\":[0]}");
    }
    if (chance(70)) {
        deliver(); /* else it is on its way while more happens */
    }
}

static void no_share_is_sent_twice_stale_or_above_its_target(void **state)
{
    (void)state;
    const char *text = getenv("HB_SEED");
    const uint64_t seed = text == NULL ? 20090103 : strtoull(text, NULL, 10);
    const struct session_options options = {
        .pool = {.host = "pool.example", .port = 3333}, .user = "me", .first_serial = 1};
    print_message("seed %" PRIu64 " (HB_SEED sets another)\n", seed);
    random_state = seed * 2 + 1;
    pool.seen = calloc(UINT64_C(1) << SEEN_BITS, sizeof pool.seen[0]);
    assert_non_null(pool.seen);
    pool.ntime = 1800000000;
    now.ms = 1000000;
    session_init(&session, &options);
    session_want_difficulty(&session, 1e-9);
    connect_anew();
    for (size_t i = 0; i < EVENTS; i++) {
        one_event();
    }
    print_message("%d events: %" PRIu64 " candidates, %" PRIu64 " shares sent (%" PRIu64
                  " had to be), %zu jobs, %" PRIu64 " connections\n",
                  EVENTS, found, pool.accepted, expected, pool.given_count, connections);
    assert_true(pool.accepted > EVENTS / 10 && expected > EVENTS / 10);
    free(pool.seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_share_is_sent_twice_stale_or_above_its_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
