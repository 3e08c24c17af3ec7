# What a distribution's package holds.
configure_file(${CMAKE_SOURCE_DIR}/packaging/heatbridge.service.in
    ${CMAKE_BINARY_DIR}/heatbridge.service @ONLY)
install(TARGETS heatbridge RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS demo-pool RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/heatbridge)
install(FILES ${CMAKE_BINARY_DIR}/heatbridge.service DESTINATION lib/systemd/system)
install(FILES ${CMAKE_SOURCE_DIR}/docs/heatbridge.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${CMAKE_SOURCE_DIR}/docs/heatbridge.example.yaml
    ${CMAKE_SOURCE_DIR}/docs/heatbridge.schema.json ${CMAKE_SOURCE_DIR}/docs/configuration.md
    DESTINATION ${CMAKE_INSTALL_DOCDIR})
