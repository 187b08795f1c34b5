# What is generated from FlatBuffers schemas; who links TARGET may include it.

# cardea_plan_schema(TARGET SCHEMA [INCLUDED…]) — flatc's reader of a plan as "<folder>/plan_generated.h", and the schema's
# number, of its text and that of what it includes, as "<folder>/plan_schema_number.h".
function(cardea_plan_schema target schema)
  cardea_generated_reader(${target} ${schema} "")
  set(number ${CMAKE_BINARY_DIR}/${folder}/${stem}_schema_number.h)
  set(script ${CMAKE_SOURCE_DIR}/tools/cmake/plan_schema_number.cmake)
  list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/ OUTPUT_VARIABLE included)
  set(schemas ${CMAKE_CURRENT_SOURCE_DIR}/${schema} ${included})
  add_custom_command(
    OUTPUT ${number}
    COMMAND ${CMAKE_COMMAND} "-DSCHEMA=${schemas}" -DFOLDER=${folder}
            -DVERSION=${PROJECT_VERSION} -DOUT=${number} -P ${script}
    DEPENDS ${schemas} ${script} VERBATIM)
  add_custom_target(${target}_number DEPENDS ${number})
  add_dependencies(${target} ${target}_number)
endfunction()

# cardea_settings_schema(TARGET SCHEMA) — of tables that plans include: "<folder>/<schema>_generated.h", with structs that can
# be compared.
function(cardea_settings_schema target schema)
  cardea_generated_reader(${target} ${schema} --gen-compare)
endfunction()

# The reader alone. Leaves `folder` and `stem` to who calls.
macro(cardea_generated_reader target schema more)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME folder)
  cmake_path(GET schema STEM stem)
  set(header ${CMAKE_BINARY_DIR}/${folder}/${stem}_generated.h)
  file(GLOB includable CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/*.fbs)
  add_custom_command(
    OUTPUT ${header}
    COMMAND flatbuffers::flatc --cpp --scoped-enums --gen-object-api --keep-prefix ${more} -I ${CMAKE_SOURCE_DIR}
            -o ${CMAKE_BINARY_DIR}/${folder} ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${schema} ${includable} VERBATIM)
  add_custom_target(${target}_header DEPENDS ${header})
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE cardea_settings flatbuffers::flatbuffers)
  add_dependencies(${target} ${target}_header)
endmacro()
