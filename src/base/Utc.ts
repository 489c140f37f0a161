/** Points in time that a vendor names, or that follow from what it asks for. */
import * as DateTime from "effect/DateTime"

// The latest that a Date can hold (ECMAScript §21.4.1.1); a vendor can ask for more.
const latest = 8.64e15

/** The time so many milliseconds after 1970, or the latest there is. */
export const fromMillis = (millis: number): DateTime.Utc => DateTime.makeUnsafe(Math.min(millis, latest))
