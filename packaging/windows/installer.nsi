; The installer for Windows, for one user and without administrator's rights.
; make.sh defines VERSION, NUMBERS (four of them), FROM (the folder of the
; programs) and SETUP (the file to make), and may define QUICK.
;
; /S installs and uninstalls without a question. Exit code 2: it could not be
; done; 3: it is installed, and links do not come to Spacehatch.

Unicode true
Target amd64-unicode
RequestExecutionLevel user
!ifdef QUICK ; for tests: a third of the time, twice the size
	SetCompressor zlib
!else
	SetCompressor /SOLID lzma
	SetCompressorDictSize 32 ; MiB: the two builds of the command line are nearly one
!endif
SetDateSave off
ManifestDPIAware true
ManifestLongPathAware true
ManifestSupportedOS Win10

!include MUI2.nsh

!define NAME "Spacehatch"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
!define APP_PATH_KEY "Software\Microsoft\Windows\CurrentVersion\App Paths\spacehatch.exe"

Name "${NAME}"
OutFile "${SETUP}"
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
InstallDirRegKey HKCU "${UNINSTALL_KEY}" "InstallLocation"
BrandingText "${NAME} ${VERSION}"
VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "${NAME}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "${NAME} installer"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "CompanyName" "The Spacehatch authors"
VIAddVersionKey "LegalCopyright" "Apache License 2.0"

; The uninstaller is signed before it is packed.
!uninstfinalize 'packaging/windows/sign.sh "%1"'

!define MUI_ICON "packaging/icons/spacehatch.ico"
!define MUI_WELCOMEFINISHPAGE_BITMAP "packaging/windows/welcome.bmp" ; the icon, on the grey of its edge
!define MUI_UNICON "packaging/icons/spacehatch.ico"
!define MUI_WELCOMEPAGE_TITLE "Install ${NAME}"
!define MUI_WELCOMEPAGE_TEXT "${NAME} opens your Amazon SageMaker Studio space in the IDE on this computer.$\r$\n$\r$\nIt is installed for you alone, and takes no administrator's rights. Links that begin with spacehatch:// will open it. Your SSH config and the settings of your IDE are not touched now: ${NAME} shows what it would change before it does, when you open a space for the first time."
!define MUI_FINISHPAGE_RUN "$INSTDIR\spacehatch-desktop.exe"
!define MUI_FINISHPAGE_RUN_TEXT "Set it up now"
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; A program that runs cannot be overwritten, but it can be given another name.
; What holds a connection goes on with the old one, which the next installation
; or the uninstallation removes.
!macro MakeRoom NAME
	Delete "$INSTDIR\${NAME}.old.exe"
	ClearErrors
	Delete "$INSTDIR\${NAME}.exe"
	IfErrors 0 +3
	ClearErrors
	Rename "$INSTDIR\${NAME}.exe" "$INSTDIR\${NAME}.old.exe"
!macroend

Section
	SetShellVarContext current
	SetOutPath "$INSTDIR"
	IfFileExists "$INSTDIR\spacehatch.exe" 0 +2
	nsExec::ExecToLog '"$INSTDIR\spacehatch.exe" tray --quit'
	Pop $0
	!insertmacro MakeRoom spacehatch
	!insertmacro MakeRoom spacehatchw
	!insertmacro MakeRoom spacehatch-desktop
	ClearErrors
	File "${FROM}/spacehatch.exe"
	File "${FROM}/spacehatchw.exe"
	File "${FROM}/spacehatch-desktop.exe"
	File "/oname=LICENSE.txt" LICENSE
	WriteUninstaller "$INSTDIR\uninstall.exe"
	IfErrors 0 files_are_there
	SetErrorLevel 2
	MessageBox MB_OK|MB_ICONSTOP "The programs cannot be written to $INSTDIR. Close every window of ${NAME} and try again." /SD IDOK
	Abort
files_are_there:

	WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "${NAME}"
	WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
	WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "The Spacehatch authors"
	WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\spacehatch.exe,0"
	WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
	WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
	WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
	WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
	WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
	SectionGetSize 0 $0
	WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" $0
	WriteRegStr HKCU "${APP_PATH_KEY}" "" "$INSTDIR\spacehatch.exe"
	CreateShortcut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\spacehatch-desktop.exe"

	; The program registers its links itself, so that there is one way to do it
	; and one record of what was there before.
	nsExec::ExecToLog '"$INSTDIR\spacehatch.exe" setup --links --yes'
	Pop $0
	StrCmp $0 0 links_come
	SetErrorLevel 3
	MessageBox MB_OK|MB_ICONEXCLAMATION "${NAME} is installed, but links cannot be made to open it. `spacehatch doctor` says why." /SD IDOK
links_come:
SectionEnd

Section Uninstall
	SetShellVarContext current
	; Everything that it changed on this machine, as `spacehatch uninstall` does.
	StrCpy $1 "uninstall --yes"
	MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Keep your settings for a later installation?" /SD IDNO IDNO +2
	StrCpy $1 "uninstall --yes --keep-settings"
	nsExec::ExecToLog '"$INSTDIR\spacehatch.exe" $1'
	Pop $0
	StrCmp $0 0 taken_back
	SetErrorLevel 2
	MessageBox MB_YESNO|MB_ICONEXCLAMATION "Not all that ${NAME} changed could be taken back; the details say what. Remove the programs all the same?" /SD IDYES IDYES taken_back
	Abort
taken_back:
	Delete "$SMPROGRAMS\${NAME}.lnk"
	DeleteRegKey HKCU "${APP_PATH_KEY}"
	DeleteRegKey HKCU "${UNINSTALL_KEY}"
	Delete "$INSTDIR\spacehatch.exe"
	Delete "$INSTDIR\spacehatchw.exe"
	Delete "$INSTDIR\spacehatch-desktop.exe"
	Delete "$INSTDIR\spacehatch.old.exe"
	Delete "$INSTDIR\spacehatchw.old.exe"
	Delete "$INSTDIR\spacehatch-desktop.old.exe"
	Delete "$INSTDIR\LICENSE.txt"
	Delete "$INSTDIR\uninstall.exe"
	RMDir "$INSTDIR"
SectionEnd
