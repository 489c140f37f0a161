/**
 * Time that only goes forward.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"

/**
 * Milliseconds of the clock that only goes forward.
 *
 * @category combinators
 * @since 0.1.0
 */
export const millis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
