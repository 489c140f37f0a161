/** What the process says to the shell when it ends. */
import * as Data from "effect/Data"

/** Everything was delivered. */
export const delivered = 0

/** The run came to its end, with dead letters, or with records of which nobody knows whether they were applied. */
export const undelivered = 1

/** The command was called in a way that cannot work: options, files, configuration. */
export const usage = 2

/** The API, or the disk, ended the run; the same command goes on from there. */
export const stopped = 3

/** A person, or the system, ended the run: 128 and the number of SIGINT, as shells have it. */
export const interrupted = 130

/** A defect of the command itself: EX_SOFTWARE of sysexits.h. */
export const defect = 70

/**
 * The command cannot go on, or has ended with something left over. `main` prints the message on standard error and exits with `exit`.
 */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  /** The exit code. */
  readonly exit: 1 | 2 | 3
  /** What happened, to what, and what to do next; no secrets, no customer data. */
  readonly message: string
}> {}
