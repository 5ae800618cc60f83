; The installer for Windows, for Inno Setup 6: ISCC /DVersion=0.1.0 packaging\gristmill.iss
; "make package" makes the folder first.

[Setup]
AppId={{6E0F9C52-3B52-4C0B-9E6B-6B1B7C1F4B0D}
AppName=Gristmill
AppVersion={#Version}
DefaultDirName={autopf}\Gristmill
DefaultGroupName=Gristmill
SourceDir=..
OutputDir=dist
OutputBaseFilename=gristmill-{#Version}-setup
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
; A person without an administrator's rights installs it for themselves.
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ChangesAssociations=yes
LicenseFile=LICENSE

[Files]
Source: "dist\gristmill\*"; DestDir: "{app}"; Flags: recursesubdirs

[Icons]
Name: "{group}\Gristmill"; Filename: "{app}\gristmill-window.exe"

[Registry]
Root: HKA; Subkey: "Software\Classes\.gguf\OpenWithProgids"; ValueType: string; ValueName: "Gristmill.gguf"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\Gristmill.gguf"; ValueType: string; ValueData: "GGUF model"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Gristmill.gguf\shell\open\command"; ValueType: string; ValueData: """{app}\gristmill-window.exe"" ""%1"""

[Run]
Filename: "{app}\gristmill-window.exe"; Description: "Open Gristmill"; Flags: nowait postinstall skipifsilent
