/* How a WhatsMiner knows who tells it something: tokens made of a password and a salt of the
 * device's, and for API 2 a cipher around each command. Pure.
 *
 * API 2 hashes with md5crypt (crypt(3)'s $1$) and enciphers with AES-256 in ECB mode, padded with
 * zeros; API 3 sends eight letters of a SHA-256. Weak as they are, they are what the device
 * understands: whoever listens on the network can replay them.
 */
#ifndef HB_DEVICES_WHATSMINER_CRYPT_H
#define HB_DEVICES_WHATSMINER_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"

enum {
    WHATSMINER_HASH = 23,   /* bytes of an md5crypt hash, its NUL included */
    WHATSMINER_SALT = 64,   /* bytes that a salt of the device may have    */
    WHATSMINER_TOKEN3 = 9,  /* bytes of a token of API 3                   */
    WHATSMINER_PLAIN = 512, /* bytes of a command or an answer in clear    */
    WHATSMINER_SEALED = 1024,
};

/* The hash alone: what crypt(3) writes after "$1$salt$". Only the first eight letters of the salt
 * count. False if the library refuses MD5. */
HB_MUST_USE bool whatsminer_md5crypt(const char *word, const char *salt,
                                     char hash[WHATSMINER_HASH]);

/* What an answer to get_token and the password make. */
struct whatsminer_token {
    char sign[WHATSMINER_HASH]; /* sent inside each command */
    uint8_t key[32];            /* of the cipher            */
};

HB_MUST_USE bool whatsminer_token(const char *password, const char *salt, const char *time,
                                  const char *newsalt, struct whatsminer_token *token);

/* Enciphers a text and writes it as base64. False, with `sealed` "", if it does not fit. */
HB_MUST_USE bool whatsminer_seal(const uint8_t key[32], const char *text,
                                 char sealed[WHATSMINER_SEALED]);
/* The reverse; what follows the first NUL is padding. False, with `text` "", for what is no base64
 * of whole blocks. With a wrong key the text is garbage, as the cipher has no check. */
HB_MUST_USE bool whatsminer_unseal(const uint8_t key[32], const char *sealed,
                                   char text[WHATSMINER_PLAIN]);

/* The first eight letters of base64(SHA-256(command password salt unix_s)). */
HB_MUST_USE bool whatsminer_token3(const char *command, const char *password, const char *salt,
                                   int64_t unix_s, char token[WHATSMINER_TOKEN3]);

#endif
