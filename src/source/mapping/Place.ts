/** Places in a record of a source: a column or key by its name, or a JSON pointer. */
import * as JsonPointer from "effect/JsonPointer"
import * as Predicate from "effect/Predicate"
import type { Tell } from "./Problem.ts"

/** The names from the outside in; of a column, one. */
export type Place = readonly [string, ...ReadonlyArray<string>]

/** The place that a text names. */
export const parse = (text: string, tell: Tell): Place => {
  if (!text.startsWith("/")) return [text]
  if (/~(?:[^01]|$)/.test(text)) tell("is no JSON pointer: a ~ in a name is written ~0, and a / ~1")
  const [first = "", ...others] = text.slice(1).split("/").map(JsonPointer.unescapeToken)
  return [first, ...others]
}

/** What stands there; `undefined` for nothing. */
export const get = (record: unknown, place: Place): unknown => {
  let value = record
  for (const name of place) {
    if (!Predicate.isObjectOrArray(value) || !Object.hasOwn(value, name)) return undefined
    // Whatever it holds, it is looked at as an object of names.
    value = (value as { readonly [name: string]: unknown })[name]
  }
  return value
}

/** As a key of a map. */
export const keyOf = (place: ReadonlyArray<string | number>): string =>
  place.map((name) => `/${JsonPointer.escapeToken(String(name))}`).join("")

/** As a mapping writes it. */
export const nameOf = (place: Place): string =>
  place.length === 1 && !place[0].startsWith("/") ? place[0] : keyOf(place)

/** As a message names it. */
export const format = (place: Place): string => JSON.stringify(nameOf(place))

/** Whether one of them is the other, or holds it. */
export const touch = (one: ReadonlyArray<string | number>, other: Place): boolean =>
  other.slice(0, one.length).every((name, index) => String(one[index]) === name)
