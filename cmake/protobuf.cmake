# Generated code lands in <build>/generated under the same path as the .proto, so that
# #include "api/agent.pb.h" works anywhere that links the library.

set(NACRE_GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${NACRE_GENERATED_DIR})

# nacre_generate(out_sources GRPC|MESSAGES proto...): rules for .pb.cc/.pb.h, or .grpc.pb.cc/.h.
function(nacre_generate out_sources kind)
  set(sources)
  foreach(proto IN LISTS ARGN)
    file(RELATIVE_PATH proto ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${proto})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    if(kind STREQUAL "GRPC")
      set(base ${NACRE_GENERATED_DIR}/${stem}.grpc.pb)
      set(how --grpc_out=${NACRE_GENERATED_DIR} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    else()
      set(base ${NACRE_GENERATED_DIR}/${stem}.pb)
      set(how --cpp_out=${NACRE_GENERATED_DIR})
    endif()
    add_custom_command(
      OUTPUT ${base}.cc ${base}.h
      COMMAND ${PROTOC} -I ${CMAKE_SOURCE_DIR} ${how} ${proto}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      DEPENDS ${CMAKE_SOURCE_DIR}/${proto}
      VERBATIM)
    list(APPEND sources ${base}.cc ${base}.h)
  endforeach()
  set(${out_sources} ${sources} PARENT_SCOPE)
endfunction()

function(nacre_generated_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${NACRE_GENERATED_DIR})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
endfunction()
