#include "tests/mqtt/certificates.h"

#include <stdbool.h>
#include <stdio.h>

#include "tests/mqtt/broker.h"
#include "tests/support/test.h"

static void name_files(char pem[static 128], char key[static 128], const char *directory,
                       const char *name)
{
    (void)snprintf(pem, 128, "%s/%s.pem", directory, name);
    (void)snprintf(key, 128, "%s/%s.key", directory, name);
}

/* A certificate that signs itself. */
static void make_own(const char *pem, const char *key, const char *subject, const char *san)
{
    const char *const argv[] = {
        "openssl", "req",     "-x509",   "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-keyout", key,       "-out",    pem,  "-subj",    subject,
        "-days",   "30",      "-addext", san,       NULL};
    assert_true(broker_run(argv));
}

static void make_signed(const char *pem, const char *key, const char *ca, const char *ca_key,
                        const char *san, const char *days)
{
    char request[160];
    char extensions[160];
    (void)snprintf(request, sizeof request, "%s.csr", pem);
    (void)snprintf(extensions, sizeof extensions, "%s.ext", pem);
    FILE *file = fopen(extensions, "w");
    assert_non_null(file);
    (void)fprintf(file, "%s\n", san);
    assert_int_equal(fclose(file), 0);
    const char *const ask[] = {
        "openssl", "req", "-newkey", "ec",    "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", key,   "-out",    request, "-subj",    "/CN=heatbridge test",     NULL};
    const char *const sign[] = {"openssl",  "x509", "-req",   "-in",  request,
                                "-CA",      ca,     "-CAkey", ca_key, "-CAcreateserial",
                                "-out",     pem,    "-days",  days,   "-extfile",
                                extensions, NULL};
    assert_true(broker_run(ask));
    assert_true(broker_run(sign));
}

void certificates_make(struct certificates *made, const char *directory)
{
    static const char local[] = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    char ca_key[128];
    name_files(made->ca, ca_key, directory, "ca");
    name_files(made->good, made->good_key, directory, "good");
    name_files(made->other, made->other_key, directory, "other");
    name_files(made->expired, made->expired_key, directory, "expired");
    name_files(made->self_signed, made->self_key, directory, "self");
    name_files(made->client, made->client_key, directory, "client");
    make_own(made->ca, ca_key, "/CN=heatbridge test authority", "keyUsage=keyCertSign");
    make_own(made->self_signed, made->self_key, "/CN=localhost", local);
    make_signed(made->good, made->good_key, made->ca, ca_key, local, "30");
    make_signed(made->other, made->other_key, made->ca, ca_key, "subjectAltName=DNS:other.example",
                "30");
    make_signed(made->expired, made->expired_key, made->ca, ca_key, local, "-1");
    make_signed(made->client, made->client_key, made->ca, ca_key, "subjectAltName=DNS:client",
                "30");
}
