include(GoogleTest)

# Everything a user runs, without the tests: ninja programs
add_custom_target(programs)

# nacre_library(nacre_base SOURCES a.cc b.cc DEPS absl::status)
function(nacre_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
endfunction()

# nacre_program(nacre SOURCES main.cc DEPS nacre_base): the binary lands in <build>/bin.
function(nacre_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  add_dependencies(programs ${name})
endfunction()

# nacre_test(base_test SOURCES a_test.cc DEPS nacre_base [LABELS outside]): one program per folder,
# one ctest entry per case.
function(nacre_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE NACRE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             NACRE_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  set(properties TIMEOUT 60)
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()

# nacre_fuzzer(json_fuzz DEPS nacre_base): the libFuzzer program of json_fuzz.cc, in <build>/fuzz,
# when NACRE_FUZZ is on. The same file is a source of the folder's test program, where it replays its
# seeds (base/fuzz_testing.h).
function(nacre_fuzzer name)
  if(NOT NACRE_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name} ${name}.cc)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE NACRE_LIBFUZZER)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()

# nacre_static_libraries(nacre-agent): all but the C library inside the program. For what starts
# inside a guest: resolving ten thousand symbols of forty libraries costs more instructions there
# than the program's own start.
function(nacre_static_libraries name)
  if(NOT NACRE_SANITIZE)
    set_target_properties(${name} PROPERTIES RULE_LAUNCH_LINK "${CMAKE_SOURCE_DIR}/cmake/link-static.sh")
  endif()
endfunction()
