namespace HomeMail.Storage;

/// <summary>Something a person should know: what was damaged and set aside, repaired, or lost. Goes to the log and to <c>doctor</c>.</summary>
/// <param name="Kind">What kind of thing, one word in lower case with hyphens, such as <c>envelope-damaged</c>.</param>
/// <param name="Path">The file or folder it is about.</param>
/// <param name="Detail">What was found and what was done, in a sentence.</param>
public readonly record struct StorageNotice(string Kind, string Path, string Detail);
