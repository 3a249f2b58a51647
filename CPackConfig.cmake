# Lets `cmake -B build && cmake --build build && cpack` be run from here: cpack reads this file in its working directory.
if(NOT EXISTS ${CMAKE_CURRENT_LIST_DIR}/build/CPackConfig.cmake)
  message(FATAL_ERROR "Nothing is built yet: cmake -B build && cmake --build build && cpack")
endif()
include(${CMAKE_CURRENT_LIST_DIR}/build/CPackConfig.cmake)
set(CPACK_OUTPUT_FILE_PREFIX ${CMAKE_CURRENT_LIST_DIR}/dist)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/build)
