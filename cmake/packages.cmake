# Libraries of the distribution, each as an imported target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)

foreach(library libcurl libmosquitto libwebsockets libuv libcjson sqlite3)
    pkg_check_modules(${library} REQUIRED IMPORTED_TARGET ${library})
endforeach()
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)

# Paho installs no pkg-config file.
find_path(PAHO_INCLUDE MQTTAsync.h REQUIRED)
find_library(PAHO_LIBRARY paho-mqtt3as REQUIRED)
add_library(paho INTERFACE IMPORTED)
target_link_libraries(paho INTERFACE ${PAHO_LIBRARY})
target_include_directories(paho SYSTEM INTERFACE ${PAHO_INCLUDE})
