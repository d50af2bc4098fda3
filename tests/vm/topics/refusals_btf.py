# SPDX-License-Identifier: BSD-2-Clause
"""Changes a BTF file the way that another kernel's would differ."""
import struct

HEADER = struct.Struct("<HBBIIIII")
TYPE = struct.Struct("<III")
PTR, ARRAY, STRUCT, UNION, ENUM, TYPEDEF, FUNC_PROTO = 2, 3, 4, 5, 6, 8, 13
# Bytes that follow a type: a constant, and for each of its vlen entries.
EXTRA = {1: (4, 0), ARRAY: (12, 0), STRUCT: (0, 12), UNION: (0, 12), ENUM: (0, 8), FUNC_PROTO: (0, 8),
         14: (4, 0), 15: (0, 12), 17: (4, 0), 19: (0, 12)}


class Btf:
    """types[id - 1] = [name offset, info, size or type, further bytes]"""

    def __init__(self, data):
        magic, _, _, header, types_at, types_bytes, strings_at, strings_bytes = HEADER.unpack_from(data)
        if magic != 0xeb9f:
            raise ValueError("no BTF")
        at, end = header + types_at, header + types_at + types_bytes
        self.strings = bytearray(data[header + strings_at:header + strings_at + strings_bytes])
        self.types = []
        while at < end:
            name, info, size = TYPE.unpack_from(data, at)
            fixed, each = EXTRA.get(info >> 24 & 31, (0, 0))
            extra = fixed + each * (info & 0xffff)
            at += TYPE.size + extra
            self.types.append([name, info, size, bytearray(data[at - extra:at])])

    def bytes(self):
        types = b"".join(TYPE.pack(*t[:3]) + t[3] for t in self.types)
        return HEADER.pack(0xeb9f, 1, 0, HEADER.size, 0, len(types), len(types), len(self.strings)) + types + self.strings

    def name(self, offset):
        return self.strings[offset:self.strings.index(0, offset)].decode()

    def new_name(self, text):
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1

    def find(self, kind, name):
        """All types of that kind and name; full BTF may hold several of a name."""
        found = [t for t in self.types if t[1] >> 24 & 31 == kind and self.name(t[0]) == name]
        if not found:
            raise KeyError(name)
        return found

    def members(self, type_):
        """(position in the further bytes, name)"""
        for at in range(0, len(type_[3]), 12):
            yield at, self.name(struct.unpack_from("<I", type_[3], at)[0])

    def rename_type(self, kind, name, into):
        for type_ in self.find(kind, name):
            type_[0] = self.new_name(into)

    def rename_member(self, structure, member, into):
        for type_ in self.find(STRUCT, structure):
            for at, name in self.members(type_):
                if name == member:
                    struct.pack_into("<I", type_[3], at, self.new_name(into))

    def shift_members(self, structure, first, by_bytes):
        """What an added member before `first` would do to all that follow."""
        for type_ in self.find(STRUCT, structure):
            shift = False
            for at, name in self.members(type_):
                shift = shift or name == first
                if shift:
                    # The lower 24 bits are the offset in bits when the structure has bit fields.
                    offset, = struct.unpack_from("<I", type_[3], at + 8)
                    struct.pack_into("<I", type_[3], at + 8, offset + 8 * by_bytes)
            type_[2] += by_bytes
