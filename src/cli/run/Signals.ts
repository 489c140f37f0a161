/** The signals that ask the command to end: Ctrl-C, the system, and a terminal that is closed. */
export const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const
