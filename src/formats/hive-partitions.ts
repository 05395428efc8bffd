/** Columns whose values stand in the directories of files: `…/year=2024/month=3/f.parquet`. */
import { dirname } from 'node:path'
import type { Field } from '../arrow/schema.js'
import { DATE, INT64, UTF8, timestamp, type DataType, type Value } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { castValue } from '../expr/cast-value.js'
import { parseValue } from '../expr/value-text.js'

/** What Hive writes for NULL. */
export const HIVE_NULL = '__HIVE_DEFAULT_PARTITION__'

/** Texts of the partition columns of a file, by name; null: NULL. */
export type PartitionTexts = ReadonlyMap<string, string | null>

/**
 * The parts `key=value` of the directories of a file below `base` (all of them without), decoded; of a key that comes twice the first
 * counts.
 */
export function partitionTexts(path: string, base = ''): PartitionTexts {
  const below = path.startsWith(base) ? path.slice(base.length) : path
  const texts = new Map<string, string | null>()
  for (const part of dirname(below).split('/')) {
    const [key, ...value] = part.split('=')
    if (value.length !== 1 || key === '') continue
    const name = decoded(key)
    if (!texts.has(name)) texts.set(name, value[0] === HIVE_NULL ? null : decoded(value[0]))
  }
  return texts
}

/** What is no URL encoding stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The keys that all files have, in the order of the first; undefined where files differ in them or have none. */
export function commonKeys(files: readonly PartitionTexts[]): readonly string[] | undefined {
  if (files.length === 0) return undefined
  const keys = [...files[0].keys()]
  const isCommon = files.every(texts => texts.size === keys.length && keys.every(key => texts.has(key)))
  return isCommon && keys.length > 0 ? keys : undefined
}

/** Types that texts may be of, the strictest first; each with what a value of it looks like. */
const TYPES: readonly (readonly [DataType, RegExp])[] = [
  [INT64, /^(?:0|-?[1-9]\d*)$/],
  [DATE, /^\d{4}-\d\d-\d\d$/],
  [timestamp('us'), /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?$/],
]

/** The column of a key: BIGINT, DATE or TIMESTAMP if all texts are, else VARCHAR. */
export function partitionField(name: string, files: readonly PartitionTexts[]): Field {
  const texts = new Set(files.map(file => file.get(name) ?? null))
  texts.delete(null)
  const fits = ([type, form]: (typeof TYPES)[number]): boolean =>
    [...texts].every(text => text === null || (form.test(text) && isValue(text, type)))
  const found = texts.size === 0 ? undefined : TYPES.find(fits)
  return { name, type: found?.[0] ?? UTF8, nullable: true }
}

function isValue(text: string, type: DataType): boolean {
  try {
    parseValue(text, type)
    return true
  } catch {
    return false
  }
}

/** The value of a partition column of a file. FILE_INVALID where the path does not say it, or nothing of the type. */
export function partitionValue(path: string, texts: PartitionTexts, { name, type }: Field): Value {
  const text = texts.get(name)
  if (text === undefined)
    throw fail('FILE_INVALID', [path, `no directory '${name}=…' gives the partition column '${name}'`])
  try {
    return text === null ? null : castValue(text, UTF8, type)
  } catch (error) {
    throw fail('FILE_INVALID', [path, `partition column '${name}': ${(error as Error).message}`], { cause: error })
  }
}
