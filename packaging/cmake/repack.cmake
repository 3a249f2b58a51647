# After the tgz is made: once more in a fixed order, with owner root and without the time in gzip's header.
foreach(FILE IN LISTS CPACK_PACKAGE_FILES)
  if(FILE MATCHES "\\.tar\\.gz$")
    execute_process(COMMAND ${CPACK_SEDNABOX_PYTHON} ${CPACK_SEDNABOX_TOOLS}/normalise.py --archive ${FILE}
                    RESULT_VARIABLE CODE)
    if(CODE)
      message(FATAL_ERROR "${FILE} could not be packed anew")
    endif()
  endif()
endforeach()
