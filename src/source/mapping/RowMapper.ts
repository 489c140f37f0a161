/** A mapping, ready to read the records of a source. */
import * as Predicate from "effect/Predicate"
import type * as SchemaAST from "effect/SchemaAST"
import * as Consent from "../../json/Consent.ts"
import type { InputIssue } from "../../json/InputIssue.ts"
import type { JsonText } from "../../json/JsonText.ts"
import * as Cells from "../read/Cells.ts"
import type { MappingCounts } from "./Counts.ts"
import * as FieldReader from "./FieldReader.ts"
import type { FieldMapping, Mapping, Skip } from "./Model.ts"
import * as Place from "./Place.ts"
import { type Problem, Refused, type Tell, within } from "./Problem.ts"
import * as WordTable from "./WordTable.ts"

/** One place that is read, and for what. */
export interface Wanted {
  /** For whom, as a message names it: a field, `firstName[1]` for the second place of one, `skip[0]`. */
  readonly key: string
  readonly place: Place.Place
  /** Whether the mapping names it; else it is a field's own name, which need not be there. */
  readonly isMapped: boolean
  /** Whether the destination needs the field. */
  readonly isRequired: boolean
  /** Places that do as well. */
  readonly others: ReadonlyArray<Place.Place>
  /** Whether it says something that nothing stands there. */
  readonly isToldByNothing: boolean
}

/** A record as the destination's schema takes it, or that it is left out. */
export type Mapped =
  | { readonly _tag: "Mapped"; readonly value: object; readonly issues: ReadonlyArray<InputIssue> }
  | { readonly _tag: "Skipped" }

export interface RowMapper {
  readonly wanted: ReadonlyArray<Wanted>
  /** JSON pointers to numbers that are wanted digit by digit. */
  readonly asText: ReadonlySet<string> | undefined
  /** Reads a row of a CSV: its cells by the keys of `wanted`. */
  readonly fromCells: (cells: unknown, counts?: MappingCounts | undefined) => Mapped
  /** Reads a JSON value. */
  readonly fromJson: (json: Pick<JsonText, "numbers" | "value">, counts?: MappingCounts | undefined) => Mapped
  /** What is said of a place in the source, said of the fields that are read from it. */
  readonly inFields: (issue: InputIssue) => ReadonlyArray<InputIssue>
  /** The names in a JSON object that something is read from. */
  readonly names: ReadonlySet<string>
  /** As a message names where a field comes from. */
  readonly labelOf: (field: string) => string | undefined
}

interface Field {
  readonly name: string
  /** Whether the mapping names it. */
  readonly isMapped: boolean
  readonly isRequired: boolean
  readonly reader: FieldReader.FieldReader
  /** The key of each place. */
  readonly keys: ReadonlyArray<string>
  /** The JSON pointer to each, where numbers are wanted digit by digit. */
  readonly pointers: ReadonlyArray<string>
}

/** Of which records are left out. */
interface Condition {
  readonly key: string
  readonly place: Place.Place
  readonly isMet: (value: unknown) => boolean
}

interface Target extends FieldReader.Target {
  readonly required: boolean
}

const skipped: Mapped = { _tag: "Skipped" }
const noIssues: ReadonlyArray<InputIssue> = []

/** What a mapping does to records of a schema, and what is wrong with it. */
export const make = (
  mapping: Mapping,
  schema: SchemaAST.AST
): { readonly mapper: RowMapper; readonly problems: ReadonlyArray<Problem> } => {
  const problems: Array<Problem> = []
  const tell: Tell = (message, ...path) => problems.push({ message, path })
  const fields = fieldsOf(mapping, targetsOf(schema), tell)
  const skips = (mapping.skip ?? []).map(
    (skip, index): Condition => ({
      key: `skip[${index}]`,
      place: Place.parse(skip.when, within(tell, "skip", index, "when")),
      isMet: condition(skip)
    })
  )
  const read = reading(fields, skips)
  const wanted = [...fields.flatMap(wantedOf), ...skips.map(wantedBy)]
  const labels = new Map(fields.map(({ name, reader }) => [name, reader.label]))
  const asText = new Set(fields.flatMap(({ pointers }) => pointers))
  return {
    problems,
    mapper: {
      wanted,
      asText: asText.size === 0 ? undefined : asText,
      fromCells: (cells, counts) => read((key) => own(cells, key), true, counts),
      fromJson: ({ numbers, value }, counts) =>
        read(
          (_, place, pointer) => (pointer === undefined ? undefined : numbers?.get(pointer)) ?? Place.get(value, place),
          false,
          counts
        ),
      inFields: ({ message, path }) =>
        fields.flatMap(({ name, reader }) =>
          reader.origin.places.some((place) => Place.touch(path, place))
            ? [{ path: [name], message: `${reader.label}: ${message}` }]
            : []
        ),
      names: new Set(wanted.map(({ place }) => place[0])),
      labelOf: (field) => labels.get(field)
    }
  }
}

/** The fields that the mapping names, and then those that it does not. */
const fieldsOf = (mapping: Mapping, targets: Targets, tell: Tell): ReadonlyArray<Field> => {
  const { defaults = {} } = mapping
  const named = Object.entries(mapping.fields).flatMap(([name, given]) => {
    if (given === undefined) return []
    const target = targets.of(name)
    if (target !== undefined) return [fieldOf(name, given, defaults, target, true, within(tell, "fields", name))]
    const like = Cells.nearest(name, targets.names)
    const hint = like === undefined ? `. The fields are ${[...targets.names].join(", ")}` : `. Did you mean ${like}?`
    tell(`is no field of the destination${hint}`, "fields", name)
    return []
  })
  const known = new Set(named.map(({ name }) => name))
  const others = [...targets.names].flatMap((name) => {
    const target = known.has(name) ? undefined : targets.of(name)
    return target === undefined ? [] : [fieldOf(name, {}, defaults, target, false, () => undefined)]
  })
  return [...named, ...others]
}

const fieldOf = (
  name: string,
  mapping: FieldMapping,
  defaults: FieldReader.Texts,
  target: Target,
  isMapped: boolean,
  tell: Tell
): Field => {
  const reader = FieldReader.make(name, mapping, defaults, target, tell)
  const { places } = reader.origin
  return {
    name,
    isMapped,
    isRequired: target.required,
    reader,
    keys: places.map((_, index) => (index === 0 ? name : `${name}[${index}]`)),
    pointers: reader.numberAsText ? places.map(Place.keyOf) : []
  }
}

const wantedOf = ({ isMapped, isRequired, keys, name, reader }: Field): ReadonlyArray<Wanted> => {
  const { isAny, places } = reader.origin
  return places.map((place, index) => ({
    key: keys[index] ?? name,
    place,
    isMapped,
    isRequired,
    others: isAny ? places : [],
    isToldByNothing: reader.isToldByNothing
  }))
}

const wantedBy = ({ isMet, key, place }: Condition): Wanted => ({
  key,
  place,
  isMapped: true,
  isRequired: false,
  others: [],
  isToldByNothing: isMet(undefined)
})

/** What stands at a place: of a row by its key, of a JSON value by the place, or by the pointer to its digits. */
type At = (key: string, place: Place.Place, pointer: string | undefined) => unknown

const reading =
  (fields: ReadonlyArray<Field>, skips: ReadonlyArray<Condition>) =>
  (at: At, isCells: boolean, counts: MappingCounts | undefined): Mapped => {
    for (const { isMet, key, place } of skips) if (isMet(at(key, place, undefined))) return skipped
    const value: Record<string, unknown> = {}
    let issues: ReadonlyArray<InputIssue> = noIssues
    for (const { isMapped, keys, name, pointers, reader } of fields) {
      const { places } = reader.origin
      const atPlace = (index: number): unknown => {
        const [key, place] = [keys[index], places[index]]
        return key === undefined || place === undefined ? undefined : at(key, place, pointers[index])
      }
      const found = reader.read(atPlace, isCells)
      if (found instanceof Refused) {
        issues = [...issues, { path: [name], message: `${reader.label} ${found.message}` }]
        counts?.refused(name)
        continue
      }
      if (isMapped) counts?.read(name, found, atPlace(0))
      if (found.value === undefined) continue
      set(value, name, found.value)
      if (!isCells || typeof found.value !== "string") continue
      const more = reader.issues(found.value, name)
      if (more.length > 0) issues = [...issues, ...more]
    }
    return { _tag: "Mapped", value, issues }
  }

const own = (cells: unknown, key: string): unknown =>
  Predicate.isObject(cells) && Object.hasOwn(cells, key) ? cells[key] : undefined

const set = (object: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
  } else {
    object[key] = value
  }
}

const condition = (skip: Skip): ((value: unknown) => boolean) => {
  const words = new Set(("is" in skip ? skip.is : skip.isNot).map(WordTable.normal))
  const wants = "is" in skip
  return (value) => {
    const text =
      value === undefined || value === null
        ? ""
        : typeof value === "string" || typeof value === "number" || typeof value === "boolean"
          ? WordTable.normal(String(value))
          : undefined
    return (text !== undefined && words.has(text)) === wants
  }
}

interface Targets {
  readonly names: ReadonlySet<string>
  readonly of: (name: string) => Target | undefined
}

/** The fields of the destination. */
const targetsOf = (schema: SchemaAST.AST): Targets => {
  const fields = Cells.fields(schema)
  const consents = Consent.fields(schema)
  return {
    names: new Set(fields.named.keys()),
    of: (name) => {
      const field = fields.named.get(name)
      const takes = field?.takes ?? fields.others
      return takes === undefined
        ? undefined
        : { takes, consent: consents.get(name), required: field?.required === true }
    }
  }
}
