#include "devices/whatsminer_crypt.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

enum { MD5_B = 16, BLOCK_B = 16, MD5_ROUNDS = 1000, MD5_SALT = 8 };

/* --- md5crypt: Poul-Henning Kamp's scheme, as in crypt(3) with $1$ ------------------------------
 */

static bool add(EVP_MD_CTX *md, const void *bytes, size_t len)
{
    return EVP_DigestUpdate(md, bytes, len) == 1;
}

static bool begin(EVP_MD_CTX *md)
{
    return EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1;
}

static bool end(EVP_MD_CTX *md, uint8_t sum[MD5_B])
{
    return EVP_DigestFinal_ex(md, sum, NULL) == 1;
}

static bool first_sum(EVP_MD_CTX *md, const char *word, const char *salt, size_t salt_len,
                      uint8_t sum[MD5_B])
{
    const size_t len = strlen(word);
    bool fine = begin(md) && add(md, word, len) && add(md, salt, salt_len) && add(md, word, len) &&
                end(md, sum) && begin(md) && add(md, word, len) && add(md, "$1$", 3) &&
                add(md, salt, salt_len);
    for (size_t left = len; left > 0 && fine; left -= left > MD5_B ? MD5_B : left) {
        fine = add(md, sum, left > MD5_B ? MD5_B : left);
    }
    /* For each bit of the length a zero, or the first letter: an accident of the original that has
     * become the scheme. */
    for (size_t bits = len; bits > 0 && fine; bits >>= 1) {
        fine = add(md, (bits & 1) != 0 ? "" : word, 1);
    }
    return fine && end(md, sum);
}

static bool next_sum(EVP_MD_CTX *md, int round, const char *word, const char *salt, size_t salt_len,
                     uint8_t sum[MD5_B])
{
    const size_t len = strlen(word);
    const bool odd = round % 2 == 1;
    bool fine = begin(md) && (odd ? add(md, word, len) : add(md, sum, MD5_B));
    if (round % 3 != 0) {
        fine = fine && add(md, salt, salt_len);
    }
    if (round % 7 != 0) {
        fine = fine && add(md, word, len);
    }
    return fine && (odd ? add(md, sum, MD5_B) : add(md, word, len)) && end(md, sum);
}

static char *letters(char *to, uint32_t value, int count)
{
    static const char alphabet[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < count; i++) {
        *to++ = alphabet[value & 0x3Fu];
        value >>= 6;
    }
    return to;
}

static void write_hash(const uint8_t sum[MD5_B], char hash[WHATSMINER_HASH])
{
    /* In the order of the original: 0 6 12, 1 7 13, 2 8 14, 3 9 15, 4 10 5, and 11 alone. */
    static const uint8_t order[5][3] = {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
    char *to = hash;
    for (size_t i = 0; i < 5; i++) {
        to = letters(to,
                     (uint32_t)sum[order[i][0]] << 16 | (uint32_t)sum[order[i][1]] << 8 |
                         sum[order[i][2]],
                     4);
    }
    to = letters(to, sum[11], 2);
    *to = '\0';
}

bool whatsminer_md5crypt(const char *word, const char *salt, char hash[WHATSMINER_HASH])
{
    uint8_t sum[MD5_B];
    size_t salt_len = strcspn(salt, "$");
    salt_len = salt_len < MD5_SALT ? salt_len : MD5_SALT;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool fine = md != NULL && first_sum(md, word, salt, salt_len, sum);
    for (int round = 0; round < MD5_ROUNDS && fine; round++) {
        fine = next_sum(md, round, word, salt, salt_len, sum);
    }
    EVP_MD_CTX_free(md);
    hash[0] = '\0';
    if (fine) {
        write_hash(sum, hash);
    }
    return fine;
}

/* --- API 2 -------------------------------------------------------------------------------------*/

bool whatsminer_token(const char *password, const char *salt, const char *time, const char *newsalt,
                      struct whatsminer_token *token)
{
    char key[WHATSMINER_HASH];
    char word[WHATSMINER_HASH + WHATSMINER_SALT];
    if (!whatsminer_md5crypt(password, salt, key) ||
        EVP_Digest(key, strlen(key), token->key, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    const int len = snprintf(word, sizeof word, "%s%s", key, time);
    return len > 0 && (size_t)len < sizeof word && whatsminer_md5crypt(word, newsalt, token->sign);
}

static bool run_cipher(const uint8_t key[32], bool seal, const uint8_t *in, int len, uint8_t *out)
{
    int done = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    const bool fine =
        cipher != NULL &&
        EVP_CipherInit_ex(cipher, EVP_aes_256_ecb(), NULL, key, NULL, seal ? 1 : 0) == 1 &&
        EVP_CIPHER_CTX_set_padding(cipher, 0) == 1 &&
        EVP_CipherUpdate(cipher, out, &done, in, len) == 1 && done == len;
    EVP_CIPHER_CTX_free(cipher);
    return fine;
}

bool whatsminer_seal(const uint8_t key[32], const char *text, char sealed[WHATSMINER_SEALED])
{
    char plain[WHATSMINER_PLAIN] = {0};
    uint8_t secret[WHATSMINER_PLAIN];
    const size_t len = strlen(text);
    const size_t padded = (len + BLOCK_B - 1) / BLOCK_B * BLOCK_B;
    sealed[0] = '\0';
    if (padded == 0 || !text_copy(plain, sizeof plain, text)) {
        return false;
    }
    return run_cipher(key, true, (const uint8_t *)plain, (int)padded, secret) &&
           EVP_EncodeBlock((unsigned char *)sealed, secret, (int)padded) > 0;
}

bool whatsminer_unseal(const uint8_t key[32], const char *sealed, char text[WHATSMINER_PLAIN])
{
    uint8_t secret[WHATSMINER_SEALED];
    uint8_t plain[WHATSMINER_SEALED];
    const size_t len = strlen(sealed);
    text[0] = '\0';
    if (len == 0 || len % 4 != 0 || len > sizeof secret) {
        return false;
    }
    int bytes = EVP_DecodeBlock(secret, (const unsigned char *)sealed, (int)len);
    if (bytes <= 0) {
        return false;
    }
    for (size_t i = len; i > len - 2 && sealed[i - 1] == '='; i--) {
        bytes--; /* it counts what "=" stands for */
    }
    if (bytes % BLOCK_B != 0 || bytes >= WHATSMINER_PLAIN ||
        !run_cipher(key, false, secret, bytes, plain)) {
        return false;
    }
    plain[bytes] = '\0';
    return text_copy(text, WHATSMINER_PLAIN, (const char *)plain);
}

/* --- API 3 -------------------------------------------------------------------------------------*/

bool whatsminer_token3(const char *command, const char *password, const char *salt, int64_t unix_s,
                       char token[WHATSMINER_TOKEN3])
{
    char word[WHATSMINER_PLAIN];
    uint8_t sum[32];
    char base64[48];
    const int len = snprintf(word, sizeof word, "%s%s%s%" PRId64, command, password, salt, unix_s);
    token[0] = '\0';
    if (len <= 0 || (size_t)len >= sizeof word ||
        EVP_Digest(word, (size_t)len, sum, NULL, EVP_sha256(), NULL) != 1 ||
        EVP_EncodeBlock((unsigned char *)base64, sum, sizeof sum) <= 0) {
        return false;
    }
    base64[WHATSMINER_TOKEN3 - 1] = '\0';
    return text_copy(token, WHATSMINER_TOKEN3, base64);
}
