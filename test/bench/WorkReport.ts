/**
 * What is counted to see that the pipeline has not become slower.
 */

/** The stages, each with the one that it adds to. */
export const stages = {
  read: undefined,
  encode: "read",
  transcode: undefined,
  transcodeNdjson: undefined,
  batch: "transcode",
  dispatch: "batch",
  everything: "dispatch"
} as const

export type Stage = keyof typeof stages

/** The same on every machine, whatever else it does. */
export interface Counted {
  readonly records: number
  readonly requests: number
  /** Of all bodies together. */
  readonly bytes: number
  /** Of the same bodies as `JSON.stringify` writes them. */
  readonly bytesExpected: number
  /** Blocks of code that V8 enters for a record, by the stage that adds them. */
  readonly blocks: { readonly [stage in Stage]: number }
  /** What a record costs later in a run over what one costs earlier in it, in blocks of code. */
  readonly flatness: number
}

/** What happens in builtins cannot be counted. */
export interface Timed {
  /** CPU with everything on over the floor's loop, both without a socket; the least of some rounds of each. */
  readonly cpuOverFloor: number
  /** Bytes on the heap for a record. */
  readonly allocated: number
  /** Microseconds of CPU a record, for who wants to know. */
  readonly micros: { readonly floor: number; readonly patchbay: number }
}
