/**
 * The process's standard error, for a display that may be neither read nor open: nothing here waits for it.
 *
 * Node's own stream would: on a terminal it writes synchronously, and a terminal that is held with Ctrl-S would hold
 * the whole process. Here a thread of Node's pool waits instead, one text at a time.
 */
import { Buffer } from "node:buffer"
import { readFileSync, write, writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface StandardError {
  /** Columns of the terminal as they are now. */
  readonly columns: () => number
  /** Whether the shell lets this process have the terminal; not after `bg` or `&`. */
  readonly isForeground: () => boolean
  /** Whether all that was handed over has gone out, and more is welcome. */
  readonly isIdle: () => boolean
  /** Hands a text over, and does not wait for it. What has not gone out when the process ends is written then. */
  readonly write: (text: string) => void
  /** Ends when all that was handed over has gone out, or never will. */
  readonly flushed: Effect.Effect<void>
  /** Until the scope closes: what to write last when the process goes down, and what to do on `fg`. */
  readonly watch: (options: {
    readonly lastWords: () => string
    readonly onResume: () => void
  }) => Effect.Effect<void, never, Scope.Scope>
}

const fd = 2

/** Where a terminal says nothing else. */
const usualColumns = 80

/** Texts that wait for a reader are dropped beyond this. */
const maxPending = 65_536

/** Milliseconds in which a text goes out, on a busy machine too, unless its reader is asleep. */
const soon = 250

/** Milliseconds until a pipe that is full is tried again. */
const retryAfter = 50

const columns = (): number => {
  const told = process.stderr.columns
  return told !== undefined && told > 0 ? told : usualColumns
}

/**
 * Only Linux says it without a native module, in its process table: `… pgrp session tty_nr tpgid …` behind the name.
 * Elsewhere a process counts as being in the foreground.
 */
const isForeground = (): boolean => {
  if (process.platform !== "linux") return true
  try {
    const stat = readFileSync("/proc/self/stat", "latin1")
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return foreground === "-1" || group === foreground
  } catch {
    return true
  }
}

/** A writer of the process's standard error. */
export const make = (): StandardError => {
  let pending: Buffer = Buffer.alloc(0)
  /** Since when a text is on its way. */
  let writing: number | undefined
  let isClosed = false
  let waiters: Array<() => void> = []
  let words: (() => string) | undefined
  // Who writes with Node's own stream must not bring the process down either when nobody reads any more.
  process.stderr.on("error", () => {
    isClosed = true
  })

  const isIdle = () => isClosed || (writing === undefined && pending.length === 0)
  const next = (): void => {
    if (writing !== undefined) return
    if (isIdle()) {
      for (const done of waiters.splice(0)) done()
      return
    }
    writing = performance.now()
    const taken = pending
    pending = Buffer.alloc(0)
    write(fd, taken, 0, taken.length, null, (error, written) => {
      const again = error !== null && (error.code === "EAGAIN" || error.code === "EINTR")
      if (error !== null && !again) isClosed = true
      pending = Buffer.concat([taken.subarray(error === null ? written : 0), pending])
      if (again) {
        setTimeout(() => {
          writing = undefined
          next()
        }, retryAfter).unref()
      } else {
        writing = undefined
        next()
      }
    })
  }

  const goDown = (): void => {
    const text = Buffer.concat([pending, Buffer.from(words?.() ?? "")])
    if (isClosed || text.length === 0) return
    pending = Buffer.alloc(0)
    if (writing !== undefined) {
      // A reader who is asleep would keep the process from ending; for another one, the order is kept.
      if (performance.now() - writing > soon) return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, soon)
    }
    try {
      writeSync(fd, text)
    } catch {
      isClosed = true
    }
  }
  // Also before Node tells what a process died of.
  process.on("exit", goDown)

  return {
    columns,
    isForeground,
    isIdle,
    write: (text) => {
      if (isClosed || text === "" || pending.length > maxPending) return
      pending = Buffer.concat([pending, Buffer.from(text)])
      next()
    },
    flushed: Effect.callback<void>((resume) => {
      const done = () => resume(Effect.void)
      waiters.push(done)
      next()
      return Effect.sync(() => {
        waiters = waiters.filter((other) => other !== done)
      })
    }),
    watch: ({ lastWords, onResume }) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            words = lastWords
            process.on("SIGCONT", onResume)
          }),
          () =>
            Effect.sync(() => {
              words = undefined
              process.off("SIGCONT", onResume)
            })
        )
      )
  }
}
