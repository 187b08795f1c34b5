# Every library we build on, named once. The Debian packages they come from are in tools/packages.txt.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(FlatBuffers REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)

pkg_check_modules(CONFIGXX REQUIRED IMPORTED_TARGET libconfig++)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(BROTLI REQUIRED IMPORTED_TARGET libbrotlienc)
pkg_check_modules(BROTLI_DECODER REQUIRED IMPORTED_TARGET libbrotlidec)  # for tests: what was compressed is read by it
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(CRYPT REQUIRED IMPORTED_TARGET libcrypt)
pkg_check_modules(CAP REQUIRED IMPORTED_TARGET libcap)
pkg_check_modules(XDP REQUIRED IMPORTED_TARGET libxdp libbpf)  # DPDK brings them; their log lines are taken over
pkg_check_modules(MODSECURITY REQUIRED IMPORTED_TARGET modsecurity)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)  # its switches decide the layout of its types

# DPDK's own flags ask for -march=corei7, which would undo ours, and its headers warn: they come in as system headers.
pkg_check_modules(DPDK REQUIRED libdpdk>=22.11)
add_library(cardea_dpdk INTERFACE)
target_include_directories(cardea_dpdk SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
target_compile_options(cardea_dpdk INTERFACE -include rte_config.h)
target_link_libraries(cardea_dpdk INTERFACE ${DPDK_LINK_LIBRARIES})
