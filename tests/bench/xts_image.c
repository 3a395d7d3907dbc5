// Encrypts an image file as dm-crypt reads it: "aes-xts-plain64", 512-bit key, 4096-byte sectors,
// iv_large_sectors. For lazy_prototype.sh; this host may have no device mapper.
//
//   xts_image KEYHEX IN OUT
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { kSector = 4096, kKey = 64 };

int main(int argc, char** argv) {
  unsigned char key[kKey], plain[kSector], cipher[kSector];
  if (argc != 4 || strlen(argv[1]) != 2 * kKey) return 2;
  for (int i = 0; i < kKey; ++i) {
    unsigned byte;
    if (sscanf(argv[1] + 2 * i, "%2x", &byte) != 1) return 2;
    key[i] = (unsigned char)byte;
  }
  FILE* in = fopen(argv[2], "rb");
  FILE* out = fopen(argv[3], "wb");
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  if (!in || !out || !context) return 1;
  for (uint64_t sector = 0; fread(plain, 1, kSector, in) == kSector; ++sector) {
    unsigned char iv[16] = {0};
    int size = 0;
    memcpy(iv, &sector, sizeof sector);  // little-endian
    if (!EVP_EncryptInit_ex(context, EVP_aes_256_xts(), NULL, key, iv) ||
        !EVP_EncryptUpdate(context, cipher, &size, plain, kSector) || size != kSector ||
        fwrite(cipher, 1, kSector, out) != kSector) {
      return 1;
    }
  }
  EVP_CIPHER_CTX_free(context);
  return ferror(in) || fclose(out) != 0;
}
