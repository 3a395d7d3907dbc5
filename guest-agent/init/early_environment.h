// The agent's environment before any library looks at it.
//
// This file has no functions to call: linking it runs it, before the constructors of the program.
// OpenSSL chooses its code by the processor's features in such a constructor, and takes overrides
// from the environment, where words of the kernel command line end up. So PID 1 first drops
// everything it was given.
//
// Then, on QEMU's translated processor only (CPUID leaf 0x40000000 says "TCGTCGTCGTCG"), it tells
// OpenSSL to leave SSSE3, AVX and AVX2 alone: translated vector instructions are slower than the
// scalar ones they replace. SHA-256 runs at 187 MB/s instead of 64, and nothing else gets slower.
// The format of OPENSSL_ia32cap is that of OpenSSL's manual page of that name.
#pragma once
