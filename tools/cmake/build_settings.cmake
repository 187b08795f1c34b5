# How every target is compiled: language, warnings, sanitizers, linker. CARDEA_SANITIZE and CARDEA_FUZZ are set by the
# presets; CARDEA_ARCH is the oldest processor the packages have to run on (a load balancer's host has AVX2).
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()
# CHECK stays on in production, so no NDEBUG; -g1 keeps what a backtrace and a profile need at half the compile time.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

set(CARDEA_ARCH "x86-64-v3" CACHE STRING "value of -march; empty for the compiler's default")
set(CARDEA_SANITIZE "" CACHE STRING "value of -fsanitize for every target, such as address,undefined or thread")
option(CARDEA_FUZZ "build the libFuzzer targets (clang only)" OFF)

add_library(cardea_settings INTERFACE)
target_compile_options(cardea_settings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
target_include_directories(cardea_settings INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
if(CARDEA_SANITIZE)
  add_compile_options(-fsanitize=${CARDEA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CARDEA_SANITIZE})
endif()
# What a daemon that reads strangers' bytes should be built with (as Debian builds its own); sanitizers see more than these do.
if(NOT CARDEA_SANITIZE)
  add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
# Nothing of ours is replaced at load time, so a call may be inlined or made directly wherever its definition is known; calls
# into libraries go through the table that is bound at start (-z now), without a stub between.
add_compile_options(-fno-semantic-interposition -fno-plt)
# No path of the building host in what is built: equal sources make equal bytes, wherever they lie.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
if(CARDEA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Paths inside the tree count as relative, so that another checkout of the same sources finds what this one compiled.
find_program(CARDEA_CCACHE ccache)
if(CARDEA_CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1
      CCACHE_INODECACHE=1  # a precompiled header of 100 MB is read once for its sum, and not by each compilation
      CCACHE_DEPEND=1  # what a source includes is asked of its one compilation, and not of a preprocessor before it
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    list(APPEND launcher ${CARDEA_CCACHE})
  else()
    list(APPEND launcher ${CMAKE_SOURCE_DIR}/tools/cmake/compile)
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()
find_program(CARDEA_MOLD mold)
if(CARDEA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# cardea_library(NAME SOURCES... ) — a static library of this folder's sources with the settings above.
function(cardea_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC cardea_settings)
  cardea_precompile(${name} <algorithm> <array> <chrono> <expected> <functional> <map> <memory> <span> <string> <string_view>
                    <unordered_map> <variant> <vector>)
  if(CARDEA_ARCH)
    target_compile_options(${name} PUBLIC -march=${CARDEA_ARCH})
  endif()
endfunction()

# cardea_precompile_ours(TARGET HEADER... ) — headers of this tree that most of a target's sources include. Clang takes of a
# precompiled header what it needs, which makes the builds for sanitizers and fuzzers three times as quick; GCC reads all of it
# each time, and would compile a target anew for a word in one of them.
function(cardea_precompile_ours target)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# cardea_precompile(TARGET HEADER... ) — heavy headers of other people, read once for the whole target.
function(cardea_precompile target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # ccache needs it
  else()
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()
