//! Reads a state dict from PyTorch's legacy checkpoint format: five pickles (protocol 2), then the storages' bytes.
//!
//! Of pickle, only what such a file has is understood: <https://docs.python.org/3/library/pickletools.html> lists the
//! opcodes. Nothing is executed; a checkpoint with other classes than tensors' is refused.

use std::collections::HashMap;

/// A tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointTensor {
    /// The size along each axis.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: Vec<f32>,
}

/// Reads the floating-point tensors of a checkpoint, by name.
///
/// # Errors
/// A message that says what is not as expected.
pub fn read(bytes: &[u8]) -> Result<HashMap<String, CheckpointTensor>, String> {
    let mut rest = bytes;
    for _ in ["magic number", "protocol", "system"] {
        unpickle(&mut rest)?;
    }
    let views = views(unpickle(&mut rest)?)?;
    let Value::List(keys) = unpickle(&mut rest)? else { return Err("its storages have no list".into()) };
    let mut storages = HashMap::new();
    for key in keys {
        let Value::Text(key) = key else { return Err("a storage has no name".into()) };
        let count = u64::from_le_bytes(*take::<8>(&mut rest)?) as usize;
        let width = views.iter().find(|(_, view)| view.storage == key).map_or(4, |(_, view)| view.width);
        let bytes = rest.split_off(..count.saturating_mul(width)).ok_or("it ends too early")?;
        storages.insert(key, bytes);
    }
    let floats = views.into_iter().filter(|(_, view)| view.width == size_of::<f32>());
    floats.map(|(name, view)| Ok((name, view.gather(&storages)?))).collect()
}

/// A value on the pickle machine's stack.
#[derive(Debug, Clone)]
enum Value {
    Mark,
    Other,
    Integer(usize),
    Text(String),
    /// A class or function by name.
    Global(String),
    List(Vec<Value>),
    /// Keys and values in turn.
    Dictionary(Vec<Value>),
    View(View),
    /// A storage: its key, and the bytes of an element.
    Storage(String, usize),
}

/// A tensor's place in a storage. The checkpoint's tensors need not be contiguous.
#[derive(Debug, Clone)]
struct View {
    storage: String,
    /// Bytes of an element.
    width: usize,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl View {
    fn gather(&self, storages: &HashMap<String, &[u8]>) -> Result<CheckpointTensor, String> {
        let storage = storages.get(&self.storage).ok_or("a tensor has no storage")?;
        let (elements, _) = storage.as_chunks::<4>();
        if self.shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size)).is_none_or(|n| n > elements.len())
        {
            return Err("a tensor is larger than its storage".into());
        }
        let mut places = vec![self.offset];
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            places = places.iter().flat_map(|place| (0..*size).map(move |index| place + index * stride)).collect();
        }
        let value = |place: usize| elements.get(place).map(|bytes| f32::from_le_bytes(*bytes));
        let values = places.into_iter().map(value).collect::<Option<_>>().ok_or("a tensor ends outside its storage")?;
        Ok(CheckpointTensor { shape: self.shape.clone(), values })
    }
}

fn views(state: Value) -> Result<HashMap<String, View>, String> {
    let Value::Dictionary(items) = state else { return Err("it holds no dictionary".into()) };
    let pairs = items.as_chunks().0.iter().filter_map(|[name, value]| match (name, value) {
        (Value::Text(name), Value::View(view)) => Some((name.clone(), view.clone())),
        _ => None,
    });
    Ok(pairs.collect())
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], String> {
    rest.split_off(..N).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "it ends too early".into())
}

/// The bytes up to the next line feed.
fn line(rest: &mut &[u8]) -> Result<String, String> {
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or("it ends too early")?;
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 1..];
    Ok(line)
}

/// Runs one pickle and returns its value.
fn unpickle(rest: &mut &[u8]) -> Result<Value, String> {
    let (mut stack, mut memo): (Vec<Value>, HashMap<u32, Value>) = Default::default();
    loop {
        let [opcode] = *take(rest)?;
        match opcode {
            b'.' => return stack.pop().ok_or_else(|| "a pickle is empty".into()),
            0x80 => drop(take::<1>(rest)?),
            b'(' => stack.push(Value::Mark),
            b'N' | 0x88 | 0x89 => stack.push(Value::Other),
            b'K' => stack.push(Value::Integer(take::<1>(rest)?[0].into())),
            b'M' => stack.push(Value::Integer(u16::from_le_bytes(*take(rest)?).into())),
            b'J' => stack.push(Value::Integer(u32::from_le_bytes(*take(rest)?) as usize)),
            0x8a => {
                let [length] = *take(rest)?;
                rest.split_off(..usize::from(length)).ok_or("it ends too early")?;
                stack.push(Value::Other);
            }
            b'X' => {
                let length = u32::from_le_bytes(*take(rest)?) as usize;
                let text = rest.split_off(..length).ok_or("it ends too early")?;
                stack.push(Value::Text(String::from_utf8_lossy(text).into_owned()));
            }
            b'c' => {
                line(rest)?;
                stack.push(Value::Global(line(rest)?));
            }
            b'q' | b'r' => {
                let place = place(opcode == b'r', rest)?;
                memo.insert(place, stack.last().cloned().ok_or("a pickle is damaged")?);
            }
            b'h' | b'j' => {
                let place = place(opcode == b'j', rest)?;
                stack.push(memo.get(&place).cloned().ok_or("a pickle is damaged")?);
            }
            b')' | b']' => stack.push(Value::List(Vec::new())),
            b'}' => stack.push(Value::Dictionary(Vec::new())),
            b't' => {
                let items = to_mark(&mut stack)?;
                stack.push(Value::List(items));
            }
            0x85..=0x87 => {
                let start = stack.len().checked_sub(usize::from(opcode - 0x84)).ok_or("a pickle is damaged")?;
                let items = stack.split_off(start);
                stack.push(Value::List(items));
            }
            b'a' | b's' => {
                let items = stack.split_off(stack.len().saturating_sub(if opcode == b'a' { 1 } else { 2 }));
                append(&mut stack, items)?;
            }
            b'e' | b'u' => {
                let items = to_mark(&mut stack)?;
                append(&mut stack, items)?;
            }
            b'Q' => {
                let storage = storage(stack.pop())?;
                stack.push(storage);
            }
            b'R' => {
                let (arguments, callee) = (stack.pop(), stack.pop());
                stack.push(call(callee, arguments)?);
            }
            // The state of an object, such as the metadata of a state dict.
            b'b' => drop(stack.pop()),
            other => return Err(format!("a pickle has opcode {other:#x}, which is not known here")),
        }
    }
}

/// The place in the memo, in one byte or in four.
fn place(is_long: bool, rest: &mut &[u8]) -> Result<u32, String> {
    Ok(if is_long { u32::from_le_bytes(*take(rest)?) } else { take::<1>(rest)?[0].into() })
}

fn to_mark(stack: &mut Vec<Value>) -> Result<Vec<Value>, String> {
    let mark = stack.iter().rposition(|value| matches!(value, Value::Mark)).ok_or("a pickle is damaged")?;
    let items = stack.split_off(mark + 1);
    stack.pop();
    Ok(items)
}

fn append(stack: &mut [Value], items: Vec<Value>) -> Result<(), String> {
    match stack.last_mut() {
        Some(Value::List(list) | Value::Dictionary(list)) => list.extend(items),
        _ => return Err("a pickle is damaged".into()),
    }
    Ok(())
}

/// The storage of a persistent id: `("storage", class, key, device, elements, view)`.
fn storage(id: Option<Value>) -> Result<Value, String> {
    let Some(Value::List(parts)) = id else { return Err("a storage has no name".into()) };
    match parts.get(1..3) {
        Some([Value::Global(class), Value::Text(key)]) => match class.as_str() {
            "FloatStorage" => Ok(Value::Storage(key.clone(), 4)),
            "LongStorage" => Ok(Value::Storage(key.clone(), 8)),
            other => Err(format!("it has a {other}, which is not known here")),
        },
        _ => Err("a storage has no name".into()),
    }
}

/// What a call returns: an empty dictionary, or a tensor.
fn call(callee: Option<Value>, arguments: Option<Value>) -> Result<Value, String> {
    let (Some(Value::Global(name)), Some(Value::List(arguments))) = (callee, arguments) else {
        return Err("a pickle is damaged".into());
    };
    let numbers = |value: &Value| match value {
        Value::List(items) => {
            items.iter().map(|item| if let Value::Integer(n) = item { Some(*n) } else { None }).collect()
        }
        _ => None,
    };
    match (name.as_str(), arguments.as_slice()) {
        ("OrderedDict", _) => Ok(Value::Dictionary(Vec::new())),
        ("_rebuild_tensor_v2", [Value::Storage(key, width), Value::Integer(offset), shape, strides, ..]) => {
            let (shape, strides) = numbers(shape).zip(numbers(strides)).ok_or("a tensor has no shape")?;
            Ok(Value::View(View { storage: key.clone(), width: *width, offset: *offset, shape, strides }))
        }
        _ => Err(format!("it calls {name}, which is not known here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PyTorch's `save` writes of `{"flat": 0..6 as [2, 3], "turned": flat.t(), "tail": flat.reshape(-1)[4:],
    /// "count": 7}` in the legacy format.
    const CHECKPOINT: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint.pth");

    #[test]
    fn views_of_one_storage_are_read_in_row_major_order() {
        let tensors = read(CHECKPOINT).unwrap();
        let tensor = |name: &str| (tensors[name].shape.as_slice(), tensors[name].values.as_slice());
        assert_eq!(tensor("flat"), (&[2, 3][..], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..]));
        assert_eq!(tensor("turned"), (&[3, 2][..], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0][..]));
        assert_eq!(tensor("tail"), (&[2][..], &[4.0, 5.0][..]));
        assert_eq!(tensors.len(), 3, "integers are left out");
    }

    #[test]
    fn damage_is_an_error() {
        for end in 0..CHECKPOINT.len() {
            assert!(read(&CHECKPOINT[..end]).is_err(), "{end}");
        }
        for place in 0..CHECKPOINT.len() {
            let mut damaged = CHECKPOINT.to_vec();
            damaged[place] ^= 0x55;
            // It must not panic or take all memory; a changed number is not noticed here, but by the checksum.
            let _ = read(&damaged);
        }
    }
}
