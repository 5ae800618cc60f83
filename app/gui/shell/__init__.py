"""The main window: its composition, rail, jobs tray and status line."""
