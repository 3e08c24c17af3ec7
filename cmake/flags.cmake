# Warnings and hardening for every target of ours, as one interface library.
add_library(hb_flags INTERFACE)
target_compile_options(hb_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wfloat-conversion -Wformat=2 -Wundef -Wvla -Wcast-qual
    -Wswitch-enum -Wnull-dereference
    # Texts for people are cut at fixed sizes on purpose.
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
if(HB_WERROR)
    target_compile_options(hb_flags INTERFACE -Werror)
endif()
target_compile_definitions(hb_flags INTERFACE HB_VERSION="${PROJECT_VERSION}" _POSIX_C_SOURCE=200809L)
target_include_directories(hb_flags INTERFACE ${CMAKE_SOURCE_DIR})

# Contraction to fused multiply-add would make a replayed trace differ between machines.
target_compile_options(hb_flags INTERFACE -ffp-contract=off)

if(HB_SANITIZE)
    target_compile_options(hb_flags INTERFACE -fsanitize=${HB_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    target_link_options(hb_flags INTERFACE -fsanitize=${HB_SANITIZE})
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(hb_flags INTERFACE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    target_link_options(hb_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
