# After the package came, changed or went: desktops read who opens
# spacehatch:// links, and the icon, from these caches. Where a system's own
# triggers have done it already, doing it again changes nothing. Homes are not
# touched.
if command -v update-desktop-database >/dev/null 2>&1; then
	update-desktop-database -q /usr/share/applications || :
fi
if [ -e /usr/share/icons/hicolor/icon-theme.cache ] && command -v gtk-update-icon-cache >/dev/null 2>&1; then
	gtk-update-icon-cache -q -t -f /usr/share/icons/hicolor || :
fi
