"""The window itself: its composition, the rail, the jobs tray and the status line."""
