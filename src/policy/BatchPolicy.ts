/**
 * When a batch is full.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * A batch closes before the first record that would take it over one of its limits, or when it is `maxAge` old.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchPolicy {
  /** Records in one batch. The destination's own limit holds as well. */
  readonly maxRecords: number
  /** UTF-8 bytes of the whole request body, with its envelope. */
  readonly maxBytes: number
  /** How long a batch waits for more records, counted from its first; infinite: until it is full. */
  readonly maxAge: Duration.Duration
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options?: {
  /** Default: 500, half of what Reach takes, so that a refused batch is cheap to take apart. */
  readonly maxRecords?: number | undefined
  /** Default: 1,000,000, which the usual gateways let pass. */
  readonly maxBytes?: number | undefined
  /** Default: 5 seconds, so that a slow source is not sent one by one, and no record waits for long. */
  readonly maxAge?: Duration.Input | undefined
}): BatchPolicy => ({
  maxRecords: options?.maxRecords ?? 500,
  maxBytes: options?.maxBytes ?? 1_000_000,
  maxAge: Duration.fromInputUnsafe(options?.maxAge ?? "5 seconds")
})
