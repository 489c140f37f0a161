/** Time that only goes forward. */
import type * as Clock from "effect/Clock"

/** Milliseconds of the clock that only goes forward. */
export const millis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
