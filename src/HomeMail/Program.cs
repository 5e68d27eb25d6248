Console.WriteLine("HomeMail");
