# cardea_plan_schema(TARGET SCHEMA) — what is generated from a plan's schema: flatc's reader as "<folder>/plan_generated.h",
# and the schema's number as "<folder>/plan_schema_number.h"; who links TARGET may include them.
function(cardea_plan_schema target schema)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME folder)
  cmake_path(GET schema STEM stem)
  set(header ${CMAKE_BINARY_DIR}/${folder}/${stem}_generated.h)
  add_custom_command(
    OUTPUT ${header}
    COMMAND flatbuffers::flatc --cpp --scoped-enums --gen-object-api -o ${CMAKE_BINARY_DIR}/${folder} ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${schema} VERBATIM)
  set(number ${CMAKE_BINARY_DIR}/${folder}/${stem}_schema_number.h)
  set(script ${CMAKE_SOURCE_DIR}/tools/cmake/plan_schema_number.cmake)
  add_custom_command(
    OUTPUT ${number}
    COMMAND ${CMAKE_COMMAND} -DSCHEMA=${CMAKE_CURRENT_SOURCE_DIR}/${schema} -DFOLDER=${folder} -DVERSION=${PROJECT_VERSION}
            -DOUT=${number} -P ${script}
    DEPENDS ${schema} ${script} VERBATIM)
  add_custom_target(${target}_header DEPENDS ${header} ${number})
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE cardea_settings flatbuffers::flatbuffers)
  add_dependencies(${target} ${target}_header)
endfunction()
