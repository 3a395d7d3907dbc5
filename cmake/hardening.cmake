# Warnings are errors; every program is position independent, read-only relocated and stack
# protected.
set(NACRE_SANITIZE "" CACHE STRING "empty, 'address;undefined' or 'thread'")
option(NACRE_FUZZ "build the libFuzzer programs, with AddressSanitizer and UBSan (needs clang)" OFF)

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -Werror)
# GCC 12 sees uninitialized members inside StatusOr that cannot be read; automatic variables are
# zeroed below in any case.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-maybe-uninitialized)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full
                    -ftrivial-auto-var-init=zero -ffunction-sections -fdata-sections)
# The same sources give the same bytes wherever they are built.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
                    -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
add_compile_definitions(_GLIBCXX_ASSERTIONS)
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed -Wl,--gc-sections)

if(NACRE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "NACRE_FUZZ needs clang: cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(NACRE_SANITIZE)
  string(REPLACE ";" "," sanitizers "${NACRE_SANITIZE}")
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${sanitizers})
  # Asio has fences, which ThreadSanitizer does not see and GCC warns of; what they order is also
  # ordered by Asio's locks.
  if(NACRE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
else()
  # Fortify needs optimisation; sanitizers bring their own, stricter checks.
  add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
endif()
