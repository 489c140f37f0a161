/**
 * When a batch is full.
 *
 * @since 0.1.0
 */

/**
 * A batch closes before the first record that would take it over one of these.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchPolicy {
  /** Records in one batch. The destination's own limit holds as well. */
  readonly maxRecords: number
  /** UTF-8 bytes of the whole request body, with its envelope. */
  readonly maxBytes: number
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
}): BatchPolicy => ({ maxRecords: options?.maxRecords ?? 500, maxBytes: options?.maxBytes ?? 1_000_000 })
