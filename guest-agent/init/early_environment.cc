#include "guest-agent/init/early_environment.h"

#include <cpuid.h>
#include <unistd.h>

#include <cstring>

namespace {

bool IsTranslatedProcessor() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  __cpuid(1, a, b, c, d);
  constexpr unsigned kHypervisorPresent = 1u << 31;
  if ((c & kHypervisorPresent) == 0) return false;
  unsigned signature[3] = {};
  __cpuid(0x40000000, a, signature[0], signature[1], signature[2]);
  return std::memcmp(signature, "TCGTCGTCGTCG", sizeof(signature)) == 0;
}

// The C library has no environment yet; it will take this one. The kernel always gives PID 1 at
// least HOME and TERM, so there is room for a word.
void PrepareEnvironment(int, char**, char** environment) {
  if (getpid() != 1 || environment[0] == nullptr) return;
  static char word[] = "OPENSSL_ia32cap=~0x1000020000000000:~0x20";
  char** end = environment;
  // Bits 41 (SSSE3) and 60 (AVX) of the first word, 5 (AVX2) of the second.
  if (IsTranslatedProcessor()) *end++ = word;
  *end = nullptr;
}

// Run by the loader before every other constructor of the program (System V gABI, chapter 5).
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const kPrepareEnvironment)(int, char**, char**) = PrepareEnvironment;

}  // namespace
