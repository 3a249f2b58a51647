# Before a package is made: the same modes and times whatever the umask and the clock of the build were. Only Debian's
# Python reads dist-packages; elsewhere the package's script links the folder into the Python that is there.
if(CPACK_GENERATOR STREQUAL "RPM")
  file(GLOB_RECURSE PTHS ${CPACK_TEMPORARY_DIRECTORY}/*/sednabox.pth)
  file(GLOB OVERRIDES LIST_DIRECTORIES true ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/lintian)
  if(OVERRIDES)
    file(REMOVE_RECURSE ${OVERRIDES})
  endif()
  foreach(PTH IN LISTS PTHS)
    get_filename_component(PLACE ${PTH} DIRECTORY)
    get_filename_component(PLACE ${PLACE} DIRECTORY)
    file(REMOVE_RECURSE ${PLACE})
  endforeach()
endif()
execute_process(COMMAND ${CPACK_SEDNABOX_PYTHON} ${CPACK_SEDNABOX_TOOLS}/normalise.py ${CPACK_TEMPORARY_DIRECTORY}
                RESULT_VARIABLE CODE)
if(CODE)
  message(FATAL_ERROR "the staged files could not be normalised")
endif()
