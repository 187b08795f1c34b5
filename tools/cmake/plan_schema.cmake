# cardea_plan_schema(TARGET SCHEMA) — the reader that flatc generates from a plan's schema, as "<folder>/plan_generated.h"; who
# links TARGET may include it.
function(cardea_plan_schema target schema)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME folder)
  cmake_path(GET schema STEM stem)
  set(header ${CMAKE_BINARY_DIR}/${folder}/${stem}_generated.h)
  add_custom_command(
    OUTPUT ${header}
    COMMAND flatbuffers::flatc --cpp --scoped-enums --gen-object-api -o ${CMAKE_BINARY_DIR}/${folder} ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${schema} VERBATIM)
  add_custom_target(${target}_header DEPENDS ${header})
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE cardea_settings flatbuffers::flatbuffers)
  add_dependencies(${target} ${target}_header)
endfunction()
