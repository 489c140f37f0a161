/** One field: from what stands in a record of the source to what the destination's schema takes. */

import type * as Consent from "../../json/Consent.ts"
import type { InputIssue } from "../../json/InputIssue.ts"
import * as Cells from "../read/Cells.ts"
import * as DateReader from "./DateReader.ts"
import type { FieldMapping, Mapping } from "./Model.ts"
import * as Phone from "./Phone.ts"
import * as Place from "./Place.ts"
import { Refused, type Tell, within } from "./Problem.ts"
import * as WordTable from "./WordTable.ts"

/** What is said of a field, or of all that say nothing else. */
export type Texts = NonNullable<Mapping["defaults"]>

/** Where a field comes from. */
export interface Origin {
  readonly places: ReadonlyArray<Place.Place>
  /** Whether one of the places is enough. */
  readonly isAny: boolean
  /** The value out of what stands at the places; each is prepared first. */
  readonly value: (at: (index: number) => unknown) => unknown
}

/** What became of a field. */
export interface Reading {
  /** `undefined` where the field is absent. */
  readonly value: unknown
  /** Nothing stood there, or a word that means nothing. */
  readonly isEmpty: boolean
}

export interface FieldReader {
  readonly origin: Origin
  /** As a message names where the field comes from. */
  readonly label: string
  /** Whether a number of JSON is wanted digit by digit. */
  readonly numberAsText: boolean
  /** Whether the field has a value, or is deleted, where nothing stands in the source. */
  readonly isToldByNothing: boolean
  /** Reads a record, given what stands at each place, and whether all of that are texts of a CSV. */
  readonly read: (at: (index: number) => unknown, isCells: boolean) => Reading | Refused
  /** What of a text would be changed by being read. */
  readonly issues: (value: unknown, field: string) => ReadonlyArray<InputIssue>
}

/** What the destination takes in a field. */
export interface Target {
  readonly takes: number
  readonly consent: Consent.Meaning | undefined
}

const empty: Reading = { value: undefined, isEmpty: true }
const deleted: Reading = { value: null, isEmpty: true }

/** A reader of the field, by its own name where nothing else is said. */
export const make = (
  field: string,
  mapping: FieldMapping,
  defaults: Texts,
  { consent, takes }: Target,
  tell: Tell
): FieldReader => {
  const spec = { ...defaults, ...mapping }
  const prepare = preparing(spec)
  const isNothing = emptyOf(spec.emptyWords)
  const deletes = new Set(spec.deleteWords)
  const nothing = nothingOf(spec.empty)
  const toCase = spec.case === undefined ? undefined : spec.case === "lower" ? lower : upper
  const origin = originOf(field, mapping, prepare, isNothing, tell)
  const convert = converter(mapping, consent, tell)
  const orient = orientation(mapping, consent, tell)

  const read = (at: (index: number) => unknown, isCells: boolean): Reading | Refused => {
    const found = origin.value(at)
    if (found instanceof Refused) return found
    if (isNothing(found)) return nothing
    if (found === null || (typeof found === "string" && deletes.has(found))) return deleted
    const cased = toCase !== undefined && typeof found === "string" ? toCase(found) : found
    const value =
      convert === undefined ? (isCells && typeof cased === "string" ? Cells.read(takes, cased) : cased) : convert(cased)
    if (value instanceof Refused) return value
    return { value: orient(value), isEmpty: false }
  }
  return {
    origin,
    label: origin.places.length === 0 ? "a constant" : origin.places.map(Place.format).join(", "),
    numberAsText: spec.numberAsText === true,
    isToldByNothing: nothing !== empty,
    read,
    issues: (value, field) =>
      typeof value === "string" && convert === undefined ? Cells.issues(takes, value, field) : []
  }
}

const lower = (text: string): string => text.toLowerCase()
const upper = (text: string): string => text.toUpperCase()

/** What is done to each text before anything is made of it, and to numbers that are wanted as text. */
const preparing = ({ numberAsText, trim, withoutPrefix }: Texts): ((value: unknown) => unknown) => {
  const prefixes =
    withoutPrefix === undefined ? [] : typeof withoutPrefix === "string" ? [withoutPrefix] : withoutPrefix
  const text = (given: string): string => {
    const value = trim === true ? given.trim() : given
    for (const prefix of prefixes) {
      if (value.startsWith(prefix))
        return trim === true ? value.slice(prefix.length).trim() : value.slice(prefix.length)
    }
    return value
  }
  return (value) =>
    typeof value === "string" ? text(value) : typeof value === "number" && numberAsText === true ? digits(value) : value
}

const notToTheDigit = new Refused("is a number whose digits are not known. Write it as text, in quotes")

/** The digits of a number that was not read from a text, which would have told how it was written. */
const digits = (value: number): string | Refused =>
  Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : notToTheDigit

const emptyOf = (words: ReadonlyArray<string | null> | undefined): ((value: unknown) => boolean) => {
  if (words === undefined || words.length === 0) return (value) => value === undefined || value === ""
  const set = new Set<unknown>(words)
  return (value) => value === undefined || value === "" || set.has(value)
}

const nothingOf = (meaning: Texts["empty"]): Reading => {
  if (meaning === undefined || meaning === "absent") return empty
  if (meaning === "null") return deleted
  return { value: meaning === "text" ? "" : meaning.default, isEmpty: true }
}

const notJoinable = new Refused("is not only text, and cannot be joined. A number of JSON is taken with numberAsText")

const originOf = (
  field: string,
  { from }: FieldMapping,
  prepare: (value: unknown) => unknown,
  isNothing: (value: unknown) => boolean,
  tell: Tell
): Origin => {
  const place = (text: string) => Place.parse(text, within(tell, "from"))
  if (from === undefined || typeof from === "string") {
    const places = [from === undefined ? ([field] as const) : place(from)]
    return { places, isAny: false, value: (at) => prepare(at(0)) }
  }
  const joined = (parts: ReadonlyArray<string>, between: string): Origin => {
    const places = parts.map(place)
    return {
      places,
      isAny: false,
      value: (at) => {
        let all: string | undefined
        for (let index = 0; index < places.length; index++) {
          const value = prepare(at(index))
          if (value === null || isNothing(value)) continue
          if (typeof value !== "string") return value instanceof Refused ? value : notJoinable
          all = all === undefined ? value : all + between + value
        }
        return all
      }
    }
  }
  if (isSeveral(from)) return joined(from, " ")
  if ("constant" in from) return { places: [], isAny: true, value: () => from.constant }
  if ("firstOf" in from) {
    const places = from.firstOf.map(place)
    return {
      places,
      isAny: true,
      value: (at) => {
        for (let index = 0; index < places.length; index++) {
          const value = prepare(at(index))
          if (value !== null && !isNothing(value)) return value
        }
        return undefined
      }
    }
  }
  return joined(from.join, from.with ?? " ")
}

const isSeveral = (
  from: Exclude<FieldMapping["from"], string | undefined>
): from is readonly [string, ...Array<string>] => Array.isArray(from)

type Convert = (value: unknown) => unknown

/** What makes a value of a text that is there; none where nothing is said. */
const converter = (
  { date, means, phone, words }: FieldMapping,
  consent: Consent.Meaning | undefined,
  tell: Tell
): Convert | undefined => {
  const said = Object.entries({ words, date, phone }).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (said.length > 1) tell(`cannot be read as ${said.join(" and as ")}: leave one of them out`)
  if (words !== undefined) return ofWords(tableOf(words, consent, means, within(tell, "words")))
  if (date !== undefined) {
    const read = DateReader.make(date, within(tell, "date"))
    return (value) => (typeof value === "string" || typeof value === "number" ? read(value) : notDate)
  }
  return phone === undefined ? undefined : Phone.make(phone, within(tell, "phone"))
}

const notDate = new Refused("is neither a text nor a number, and so no date")

/** What words mean in a field, by their normal form, the direction of a consent included. */
export const tableOf = (
  words: NonNullable<FieldMapping["words"]>,
  consent: Consent.Meaning | undefined,
  means: Consent.Meaning | undefined,
  tell: Tell
): WordTable.WordTable => {
  const given = words === "yes/no" ? WordTable.yesNo : WordTable.make(words, tell)
  if (consent === undefined) return given
  const meanings = [...given.values()].filter((meaning) => meaning !== null)
  const directions = meanings.filter((meaning) => meaning === "optIn" || meaning === "optOut")
  if (directions.length === 0) {
    return means === undefined || means === consent ? given : WordTable.map(given, inverted)
  }
  if (directions.length < meanings.length) tell("mean optIn and optOut in part only: all of them must, or null")
  if (means !== undefined) tell("say which way round by themselves (optIn, optOut): leave means out")
  return WordTable.map(given, (meaning) => (meaning === null ? null : meaning === consent))
}

/** Whether words say for themselves whether somebody wants to be written to. */
const nameDirection = (words: FieldMapping["words"]): boolean =>
  typeof words === "object" && Object.values(words).some((meaning) => meaning === "optIn" || meaning === "optOut")

const ofWords = (table: WordTable.WordTable): Convert => {
  const refused = new Refused(`is none of the words ${WordTable.format(table)}`)
  return (value) => {
    if (typeof value !== "string" && typeof value !== "boolean" && typeof value !== "number") return refused
    const meaning = table.get(WordTable.normal(String(value)))
    return meaning === undefined ? refused : meaning
  }
}

const same = (value: unknown): unknown => value
const inverted = <A>(value: A): A | boolean => (typeof value === "boolean" ? !value : value)

/** Which way round a consent is. It must be said: the wrong way opts people in who asked to be left alone. */
const orientation = (
  { from, means, words }: FieldMapping,
  consent: Consent.Meaning | undefined,
  tell: Tell
): ((value: unknown) => unknown) => {
  if (consent === undefined) {
    if (means !== undefined)
      tell("is for fields about consent, which this is not. Say with words what is true and what is false", "means")
    return same
  }
  if (nameDirection(words)) return same
  if (means === undefined) {
    const source = typeof from === "string" ? JSON.stringify(from) : "the source"
    tell(
      `is about consent, and the mapping must say which way round: "means": "optIn" where a yes in ${source} says that somebody may be written to, "means": "optOut" where it says that they may not; or words that are all optIn or optOut`
    )
  }
  // What words mean is turned round with them.
  return means === undefined || means === consent || words !== undefined ? same : inverted
}
