# After packing: a tgz once more in a fixed order, with owner root and without the time in gzip's header; a deb without
# the umask of the build in its outer archive.
foreach(FILE IN LISTS CPACK_PACKAGE_FILES)
  set(KIND "")
  if(FILE MATCHES "\\.tar\\.gz$")
    set(KIND --archive)
  elseif(FILE MATCHES "\\.deb$")
    set(KIND --deb)
  endif()
  if(KIND)
    execute_process(COMMAND ${CPACK_SEDNABOX_PYTHON} ${CPACK_SEDNABOX_TOOLS}/normalise.py ${KIND} ${FILE}
                    RESULT_VARIABLE CODE)
    if(CODE)
      message(FATAL_ERROR "${FILE} could not be packed anew")
    endif()
  endif()
endforeach()
