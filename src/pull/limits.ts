/** Files of a store up to this size are brought to the disk when all of them are. */
export const SMALL_FILE_BYTES = 1 << 20;
