/** JSON values as a mapping reads them. */
import type { JsonText } from "../../json/JsonText.ts"
import type { RecordDecoder } from "../read/RecordDecoder.ts"
import * as WantedNames from "../read/WantedNames.ts"
import type { MappingCounts } from "./Counts.ts"
import * as MappedDecoder from "./MappedDecoder.ts"
import * as Place from "./Place.ts"
import type { RowMapper } from "./RowMapper.ts"

/** A mapping, ready to read the values of one source. */
export interface MappedJson<A> extends MappedDecoder.MappedDecoder<Pick<JsonText, "numbers" | "value">, A> {
  readonly mapper: RowMapper
}

export const of = <A>(mapper: RowMapper, to: RecordDecoder<A>, counts: MappingCounts): MappedJson<A> => ({
  mapper,
  ...MappedDecoder.make(mapper.fromJson, mapper, to, counts)
})

/** Wants what the mapping names, each at its place; where one of several will do, any of them. */
export const wanted = ({ wanted }: RowMapper): WantedNames.WantedNames =>
  WantedNames.of(
    wanted
      .filter(({ isMapped, isRequired }) => isMapped || isRequired)
      .map(({ isMapped, key, others, place }) => ({
        field: key,
        name: Place.nameOf(place),
        isMapped,
        isIn: (record: object) => [place, ...others].some((place) => Place.get(record, place) !== undefined)
      }))
  )
