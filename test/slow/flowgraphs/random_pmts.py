"""Random polymorphic values, as GNU Radio serialises them and as JSON says what they are, a line each.

Arguments: how many, seed. The JSON is that of the test that reads it; numbers that JSON has no words for are avoided.
"""
import json
import random
import sys

import pmt

random.seed(int(sys.argv[2]))
UNIFORM = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "c32", "c64"]


def text():
    return "".join(random.choice("abcé€𝄞 _") for _ in range(random.randrange(12)))


def value(depth):
    kind = random.randrange(14 if depth > 0 else 9)
    if kind == 0:
        return pmt.PMT_T, True
    if kind == 1:
        return pmt.PMT_F, False
    if kind == 2:
        return pmt.PMT_NIL, None
    if kind == 3:
        name = text()
        return pmt.intern(name), name
    if kind == 4:
        number = random.randrange(-(2**31), 2**31)
        return pmt.from_long(number), number
    if kind == 5:
        number = random.choice([-1, 1]) * random.randrange(2**31 + 1, 2**63)
        return pmt.from_long(number), {"bigint": str(number)}
    if kind == 6:
        number = random.randrange(2**64)
        return pmt.from_uint64(number), {"bigint": str(number)}
    if kind == 7:
        number = random.uniform(-1e9, 1e9)
        return pmt.from_double(number), number
    if kind == 8:
        re, im = random.uniform(-1, 1), random.uniform(-1, 1)
        return pmt.from_complex(re, im), {"re": re, "im": im}
    if kind == 9:
        index = random.randrange(12)
        length = random.randrange(1, 20)
        make = getattr(pmt, f"init_{UNIFORM[index]}vector")
        return make(length, [1] * length), {"uniform": index, "length": length}
    if kind == 10:
        items = [value(depth - 1) for _ in range(random.randrange(4))]
        vector = pmt.make_vector(len(items), pmt.PMT_NIL)
        for i, (item, _) in enumerate(items):
            pmt.vector_set(vector, i, item)
        return vector, {"items": [json_ for _, json_ in items]}
    if kind == 11:
        items = [value(depth - 1) for _ in range(random.randrange(4))]
        return pmt.make_tuple(*[item for item, _ in items]), {"items": [json_ for _, json_ in items]}
    if kind == 12:
        items = [value(depth - 1) for _ in range(random.randrange(1, 5))]
        whole = pmt.PMT_NIL
        for item, _ in reversed(items):
            whole = pmt.cons(item, whole)
        return whole, {"cars": [json_ for _, json_ in items], "tail": None}
    whole, cars = pmt.make_dict(), []
    for number in range(random.randrange(1, 5)):
        item, json_ = value(depth - 1)
        whole = pmt.dict_add(whole, pmt.intern(f"key{number}"), item)
        # A pair whose second is a list is a list that is longer.
        if isinstance(json_, dict) and "cars" in json_:
            pair = {"cars": [f"key{number}", *json_["cars"]], "tail": json_["tail"]}
        else:
            pair = {"cars": [f"key{number}"], "tail": json_}
        cars.insert(0, pair)
    return whole, {"cars": cars, "tail": None}


for _ in range(int(sys.argv[1])):
    made, said = value(4)
    print(json.dumps([pmt.serialize_str(made).hex(), said]))
