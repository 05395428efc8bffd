/** The Hive layout: values of partition columns in the names of directories. */
import { HIVE_NULL } from './hive-partitions.js'

/** `a=1/b=x%2Fy/name`; values are text. */
export function partPath(columns: readonly string[], values: readonly (string | null)[], name: string): string {
  const directories = columns.map((column, i) => `${encodePart(column)}=${valuePart(values[i] ?? null)}`)
  return [...directories, name].join('/')
}

const valuePart = (value: string | null): string => (value === null ? HIVE_NULL : encodePart(value))

/** As in URLs, so that no value is a path of its own. */
const encodePart = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
