#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/miner/fake_pool.h"
#include "tests/miner/fake_talk.h"
#include "tests/support/test.h"

struct fake_tls {
    pthread_t thread;
    SSL_CTX *context;
    int listener;
    atomic_bool quit;
    char pin[3 * 32];
};

static void add_name(X509 *certificate, const char *name)
{
    char value[200];
    (void)snprintf(value, sizeof value, "DNS:%s", name);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
    assert_int_equal(X509_add_ext(certificate, names, -1), 1);
    X509_EXTENSION_free(names);
}

static X509 *self_signed(EVP_PKEY *key, const char *name, int lasts_s)
{
    X509 *certificate = X509_new();
    (void)X509_set_version(certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), lasts_s);
    (void)X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                     -1, 0);
    (void)X509_set_issuer_name(certificate, subject);
    add_name(certificate, name);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static void keep_pin(struct fake_tls *tls, const X509 *certificate)
{
    uint8_t digest[32];
    unsigned len = 0;
    assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &len), 1);
    for (size_t i = 0; i < sizeof digest; i++) {
        (void)snprintf(tls->pin + 3 * i, 3, "%02X", digest[i]);
        tls->pin[3 * i + 2] = i + 1 < sizeof digest ? ':' : '\0';
    }
}

static void make_certificate(struct fake_tls *tls, const struct fake_tls_options *options)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = self_signed(key, options->name, options->lasts_s);
    FILE *file = fopen(options->ca_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    (void)fclose(file);
    keep_pin(tls, certificate);
    assert_int_equal(SSL_CTX_use_certificate(tls->context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls->context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* Talks until the client hangs up. */
static void serve(SSL *ssl)
{
    char text[8192];
    char out[4096];
    size_t used = 0;
    int got = 0;
    while ((got = SSL_read(ssl, text + used, (int)(sizeof text - used - 1))) > 0) {
        used += (size_t)got;
        text[used] = '\0';
        char *end = NULL;
        while ((end = strchr(text, '\n')) != NULL) {
            enum fake_heard heard = FAKE_HEARD_OTHER;
            *end = '\0';
            const size_t len = fake_answer(text, out, sizeof out, &heard);
            if (len > 0) {
                (void)SSL_write(ssl, out, (int)len);
            }
            used -= (size_t)(end + 1 - text);
            memmove(text, end + 1, used + 1);
        }
    }
}

static void *thread_main(void *arg)
{
    struct fake_tls *tls = arg;
    while (!atomic_load(&tls->quit)) {
        const int fd = accept(tls->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        SSL *ssl = SSL_new(tls->context);
        (void)SSL_set_fd(ssl, fd);
        if (!atomic_load(&tls->quit) && SSL_accept(ssl) == 1) {
            serve(ssl);
        }
        SSL_free(ssl);
        (void)close(fd);
    }
    return NULL;
}

const char *fake_tls_pin(const struct fake_tls *tls)
{
    return tls->pin;
}

struct fake_tls *fake_tls_start(const struct fake_tls_options *options, int *port)
{
    struct fake_tls *tls = calloc(1, sizeof *tls);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    assert_non_null(tls);
    tls->context = SSL_CTX_new(TLS_server_method());
    make_certificate(tls, options);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tls->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(tls->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(tls->listener, 4), 0);
    assert_int_equal(getsockname(tls->listener, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&tls->thread, NULL, thread_main, tls), 0);
    return tls;
}

void fake_tls_stop(struct fake_tls *tls)
{
    atomic_store(&tls->quit, true);
    (void)shutdown(tls->listener, SHUT_RDWR);
    (void)pthread_join(tls->thread, NULL);
    (void)close(tls->listener);
    SSL_CTX_free(tls->context);
    free(tls);
}
